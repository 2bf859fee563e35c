// Room where images, pods and regnode's own memory lie. The kubelet begins to evict at a tenth; below a
// twentieth images and logs fail to be written.
import { mountOf } from '../../host/mounts.ts';
import { define, fail, ok, warn } from '../../preflight/check.ts';

const places = ['/', '/var/lib/containerd', '/var/lib/kubelet', '/var/lib/regnode', '/var/log'];
const leastPercent = 5;
const comfortPercent = 12;

export const nodeDisk = define({
  code: 'NODE_DISK',
  id: 'node-disk',
  group: 'node',
  severity: 'blocking',
  dependsOn: [],
  async run(host) {
    const mounts = await host.mounts();
    const points = new Map<string, string>();
    for (const path of places) {
      if (!(await host.files.exists(path))) continue;
      const mount = mountOf(await host.files.resolve(path), mounts);
      points.set(`${mount?.device} ${mount?.root}`, path);
    }
    const rooms = await Promise.all(
      [...points.values()].map(async (path) => {
        const { totalBytes, freeBytes } = await host.files.space(path);
        const freeMiB = Math.floor(freeBytes / 1024 ** 2);
        const percent = totalBytes === 0 ? 100 : Math.floor((100 * freeBytes) / totalBytes);
        return { path, freeMiB, percent };
      }),
    );
    const [tightest] = rooms.toSorted((a, b) => a.percent - b.percent);
    if (tightest === undefined) return ok('');
    const { path, freeMiB, percent } = tightest;
    const measured = `${path}: ${percent} % (${freeMiB} MiB)`;
    const values = { path, freeMiB, percent, least: leastPercent };
    if (percent < leastPercent) return fail('full', measured, `≥ ${leastPercent} %`, values);
    return percent < comfortPercent
      ? warn('low', measured, `≥ ${comfortPercent} %`, values)
      : ok(measured, `≥ ${leastPercent} %`);
  },
});
