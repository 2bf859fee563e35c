// The kubelet refuses to start with swap on: memory limits of pods mean nothing when pages can go to disk.
import { define, fail, ok } from '../check.ts';

export const swap = define({
  code: 'SWAP',
  id: 'swap',
  group: 'resources',
  severity: 'blocking',
  dependsOn: [],
  async run(host) {
    const rows = ((await host.files.readText('/proc/swaps')) ?? '').trim().split('\n').slice(1);
    const devices = rows.flatMap((row) => row.split(/\s+/)[0] ?? []).filter(Boolean);
    return devices.length === 0
      ? ok('none')
      : fail('on', devices.join(', '), 'none', { devices: devices.join(', ') });
  },
});
