// Tells two machines under the same name apart. Images that were cloned share it, or have it empty.
import { define, fail, ok } from '../check.ts';

export const machineId = define({
  code: 'MACHINE_ID',
  id: 'machine-id',
  group: 'identity',
  severity: 'blocking',
  dependsOn: [],
  async run(host) {
    const id = (await host.files.readText('/etc/machine-id'))?.trim();
    const threshold = '32 × [0-9a-f]';
    if (id === undefined || id === '' || id === 'uninitialized')
      return fail('missing', id || 'none', threshold);
    if (!/^[0-9a-f]{32}$/.test(id) || /^0+$/.test(id)) {
      return fail('malformed', `"${id.slice(0, 40)}"`, threshold);
    }
    return ok(`${id.slice(0, 8)}…`, threshold);
  },
});
