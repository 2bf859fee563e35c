// The kubelet's unit runs, and its process isn't stopped in its tracks.
import { define, fail, ok, skip } from '../../preflight/check.ts';
import { processState, readService } from '../observation/service.ts';

export const kubeletService = define({
  code: 'KUBELET_SERVICE',
  id: 'kubelet-service',
  group: 'node',
  severity: 'blocking',
  dependsOn: ['SYSTEMD'],
  async run(host) {
    const service = await readService(host, 'kubelet.service');
    if (service === undefined) return skip('unreadable', 'systemctl show kubelet.service');
    const measured = `${service.active} (${service.sub})`;
    const values = { state: measured, exitStatus: service.exitStatus, restarts: service.restarts };
    if (service.sub === 'auto-restart') return fail('failing', measured, 'active', values);
    if (service.active !== 'active') return fail('notRunning', measured, 'active', values);
    return (await processState(host, service.pid)) === 'T'
      ? fail('frozen', `pid ${service.pid}: T`, 'running', { ...values, pid: service.pid })
      : ok(`${measured}, pid ${service.pid}`, 'active');
  },
});
