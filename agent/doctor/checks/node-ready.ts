// What the cluster thinks of this node: the kubelet's own word, or the cluster's when it
// has heard none for a while.
import { define, fail, ok, skip, warn } from '../../preflight/check.ts';
import { readConditions } from '../observation/cluster.ts';

export const nodeReady = define({
  code: 'NODE_READY',
  id: 'node-ready',
  group: 'node',
  severity: 'blocking',
  dependsOn: [
    'API_SERVER_ANSWER',
    'KUBELET_SERVICE',
    'KUBELET_HEALTH',
    'CONTAINERD_ANSWER',
    'CNI_CONFIGURATION',
    'NODE_DISK',
  ],
  async run(host, { node }) {
    if (node === undefined) return skip('notNeeded');
    const conditions = await readConditions(host, node);
    if (conditions === undefined) return skip('notAsked');
    const ready = conditions.find(({ type }) => type === 'Ready');
    const status = ready?.status ?? 'Absent';
    const detail = ready?.message || ready?.reason || status;
    if (status === 'False' && /NetworkPluginNotReady|NetworkReady=false/.test(detail)) {
      return fail('networkNotLoaded', `Ready = ${status}`, 'Ready = True', { status, detail });
    }
    if (status !== 'True') return fail('notReady', `Ready = ${status}`, 'Ready = True', { status, detail });
    const pressing = conditions.filter(({ type, status: is }) => type.endsWith('Pressure') && is === 'True');
    const types = pressing.map(({ type }) => type).join(', ');
    return pressing.length === 0 ? ok('Ready = True') : warn('pressure', types, 'False', { types });
  },
});
