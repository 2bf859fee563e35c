// kubelet, containerd and the agent run as units; /run/systemd/system exists exactly when systemd is pid 1.
import { define, fail, ok } from '../check.ts';

export const systemd = define({
  code: 'SYSTEMD',
  id: 'systemd',
  group: 'identity',
  severity: 'blocking',
  dependsOn: [],
  async run(host) {
    if (await host.files.exists('/run/systemd/system')) return ok('/run/systemd/system');
    const init = ((await host.files.readText('/proc/1/comm')) ?? 'unknown').trim();
    return fail('notRunning', `pid 1 = ${init}`, 'pid 1 = systemd', { init });
  },
});
