// Whether something keeps the clock right. A clock that is right now, and kept by nobody, drifts by seconds a
// week: certificates and leases then fail at night. Only warned about: the skew itself is TIME_SKEW's.
import type { Host } from '../../host/host.ts';
import { define, ok, warn } from '../check.ts';
import { unitState, type WatchedUnit } from '../observation/units.ts';

const services: readonly WatchedUnit[] = ['chronyd', 'chrony', 'ntpd', 'ntp', 'ntpsec', 'systemd-timesyncd'];
const threshold = 'synchronized: yes';

export const timeSync = define({
  code: 'TIME_SYNC',
  id: 'time-sync',
  group: 'time',
  severity: 'advisory',
  dependsOn: [],
  async run(host) {
    const states = await Promise.all(services.map((service) => unitState(host, service)));
    const service = services.find((_, index) => states[index]?.active);
    const answer = (service?.startsWith('chron') && (await askChrony(host))) || (await askSystemd(host));
    if (answer === 'yes') return ok(`${service ?? 'kernel'}: synchronized`, threshold);
    if (service === undefined) return warn('noService', 'none', threshold);
    return answer === 'no'
      ? warn('notSynchronized', `${service}: not synchronized`, threshold, { service })
      : ok(`${service}: active`, threshold);
  },
});

async function askChrony(host: Host): Promise<'yes' | 'no' | undefined> {
  const { stdout } = await host.processes.run('chronyc', ['-n', 'tracking']);
  const leap = /^Leap status\s*:\s*(.+)$/m.exec(stdout)?.[1]?.trim();
  if (leap === undefined) return undefined;
  return leap.startsWith('Not') ? 'no' : 'yes';
}

/** systemd 219 says `NTP synchronized`, later ones `System clock synchronized`. */
async function askSystemd(host: Host): Promise<'yes' | 'no' | undefined> {
  const { stdout } = await host.processes.run('timedatectl', ['status']);
  const answer = /^\s*(?:System clock|NTP) synchronized:\s*(yes|no)/m.exec(stdout)?.[1];
  return answer === 'yes' || answer === 'no' ? answer : undefined;
}
