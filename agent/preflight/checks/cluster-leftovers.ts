// A host that is, or was, a member of another cluster keeps files and services that would mix with ours: old
// certificates answer for the wrong cluster, static pods come back, a second kubelet takes the ports. A
// drop-in with another command (kubeadm's package brings one) would start the kubelet for the other cluster.

import type { Host } from '../../host/host.ts';
import { foreignDropIns } from '../../plan/drop-ins.ts';
import { define, fail, ok } from '../check.ts';
import { unitState, type WatchedUnit } from '../observation/units.ts';
import { beforeJoin } from '../opening.ts';

const leftoverFiles = [
  '/etc/kubernetes/kubelet.conf',
  '/etc/kubernetes/bootstrap-kubelet.conf',
  '/etc/kubernetes/admin.conf',
  '/etc/kubernetes/pki/ca.crt',
  '/var/lib/kubelet/config.yaml',
  '/var/lib/kubelet/kubeconfig',
  '/var/lib/kubelet/pki/kubelet-client-current.pem',
  '/etc/rancher/k3s/k3s.yaml',
  '/etc/rancher/rke2/config.yaml',
  '/etc/kubeedge/config/edgecore.yaml',
];
const foreignUnits: readonly WatchedUnit[] = ['kubelet', 'k3s', 'k3s-agent', 'rke2-agent', 'edgecore'];

export const clusterLeftovers = define({
  code: 'CLUSTER_LEFTOVERS',
  id: 'cluster-leftovers',
  group: 'identity',
  severity: 'blocking',
  dependsOn: [],
  run: beforeJoin(async (host) => {
    const [units, files] = await Promise.all([activeUnits(host), presentFiles(host)]);
    if (units.length > 0) {
      return fail('running', [...units, ...files].join(', '), 'none', {
        units: units.join(' '),
        found: [...units, ...files].join(', '),
      });
    }
    if (files.length > 0) {
      return fail('files', files.join(', '), 'none', { found: files.join(', ') });
    }
    return ok('none');
  }),
});

async function activeUnits(host: Host): Promise<readonly string[]> {
  const states = await Promise.all(foreignUnits.map((unit) => unitState(host, unit)));
  return foreignUnits.filter((_, index) => states[index]?.active).map((unit) => `${unit}.service`);
}

async function presentFiles(host: Host): Promise<readonly string[]> {
  const present = await Promise.all(leftoverFiles.map((path) => host.files.exists(path)));
  const dropIns = (await foreignDropIns(host)).filter(
    ({ unit, changes }) => unit === 'kubelet.service' && changes.includes('ExecStart'),
  );
  const manifests = (await host.files.list('/etc/kubernetes/manifests')) ?? [];
  return [
    ...leftoverFiles.filter((_, index) => present[index]),
    ...manifests
      .filter((name) => /\.(ya?ml|json)$/.test(name))
      .map((name) => `/etc/kubernetes/manifests/${name}`),
    ...dropIns.map(({ path }) => path),
  ];
}
