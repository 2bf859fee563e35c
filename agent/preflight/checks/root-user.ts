// Joining writes units, mounts and network configuration: only root may.
import { define, fail, ok } from '../check.ts';

export const rootUser = define({
  code: 'ROOT_USER',
  id: 'root-user',
  group: 'identity',
  severity: 'blocking',
  dependsOn: [],
  async run(host) {
    const { uid } = host.processes;
    return uid === 0 ? ok('uid 0') : fail('notRoot', `uid ${uid}`, '= uid 0', { uid });
  },
});
