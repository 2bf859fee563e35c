// containerd's unit runs.
import { define, fail, ok, skip } from '../../preflight/check.ts';
import { readService } from '../observation/service.ts';

export const containerdService = define({
  code: 'CONTAINERD_SERVICE',
  id: 'containerd-service',
  group: 'node',
  severity: 'blocking',
  dependsOn: ['SYSTEMD'],
  async run(host) {
    const service = await readService(host, 'containerd.service');
    if (service === undefined) return skip('unreadable', 'systemctl show containerd.service');
    const measured = `${service.active} (${service.sub})`;
    const values = { state: measured, exitStatus: service.exitStatus, restarts: service.restarts };
    if (service.sub === 'auto-restart') return fail('failing', measured, 'active', values);
    return service.active === 'active'
      ? ok(`${measured}, pid ${service.pid}`, 'active')
      : fail('notRunning', measured, 'active', values);
  },
});
