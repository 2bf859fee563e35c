// firewalld rejects what it was not told about, pods' packets included, and
// rewrites its rules at each reload.
import { define, ok, warn } from '../check.ts';
import { unitState } from '../observation/units.ts';

export const firewalld = define({
  code: 'FIREWALLD',
  id: 'firewalld',
  group: 'firewall',
  severity: 'advisory',
  dependsOn: [],
  async run(host, { networkMode }) {
    const { active } = await unitState(host, 'firewalld');
    if (!active) return ok('inactive');
    return networkMode === 'external'
      ? warn('active', 'active', 'inactive')
      : warn('activeVxlan', 'active', 'inactive');
  },
});
