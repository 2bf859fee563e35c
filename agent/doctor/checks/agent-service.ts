// The daemon itself: without it there is no tunnel, so neither logs nor exec nor heartbeats.
import { define, fail, ok, skip } from '../../preflight/check.ts';
import { processState, readService } from '../observation/service.ts';

export const agentService = define({
  code: 'AGENT_SERVICE',
  id: 'agent-service',
  group: 'node',
  severity: 'blocking',
  dependsOn: ['SYSTEMD'],
  async run(host) {
    const service = await readService(host, 'regnode.service');
    if (service === undefined) return skip('unreadable', 'systemctl show regnode.service');
    const measured = `${service.active} (${service.sub})`;
    const values = { state: measured, exitStatus: service.exitStatus, restarts: service.restarts };
    if (service.active !== 'active') return fail('notRunning', measured, 'active', values);
    const state = await processState(host, service.pid);
    return state === 'T'
      ? fail('frozen', `pid ${service.pid}: T`, 'running', { ...values, pid: service.pid })
      : ok(`${measured}, pid ${service.pid}`, 'active');
  },
});
