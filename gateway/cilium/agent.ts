// The DaemonSet of Cilium's agent for one pool. The host is prepared by the regnode agent
// (bpffs, cgroup2, kernel parameters), so all that is left to do before the agent runs is to put
// its CNI plugin in place. Pure.
import { healthPort } from './configuration.ts';
import type { CiliumPool } from './desired.ts';
import { agentAccount, agentLabels, agentName, ciliumNamespace, ownLabels } from './names.ts';
import { configurationMounts, configurationVolumes, environment, everywhere, onPools } from './pods.ts';

/** Path on the host → where in the agent's container. */
const hostFolders = [
  { name: 'run', path: '/run/cilium', inside: '/var/run/cilium', propagation: 'HostToContainer' },
  { name: 'bpf', path: '/sys/fs/bpf', inside: '/sys/fs/bpf', propagation: 'HostToContainer' },
  { name: 'cni-configuration', path: '/etc/cni/net.d', inside: '/host/etc/cni/net.d' },
  { name: 'modules', path: '/lib/modules', inside: '/lib/modules', readOnly: true },
] as const;
const programs = { name: 'cni-programs', path: '/opt/cni/bin', inside: '/host/opt/cni/bin' };
const lock = { name: 'xtables-lock', path: '/run/xtables.lock' };

export function agentDaemonSet(pool: CiliumPool, configurationSha256: string) {
  const labels = { ...agentLabels, 'regnode.io/pool': pool.name };
  return {
    metadata: { name: agentName(pool.name), namespace: ciliumNamespace, labels: { ...ownLabels, ...labels } },
    spec: {
      selector: { matchLabels: labels },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 2 } },
      template: {
        metadata: {
          labels: { ...ownLabels, ...labels },
          // A changed configuration is a new template, so the pods roll.
          annotations: { 'regnode.io/configuration': configurationSha256 },
        },
        spec: {
          hostNetwork: true,
          dnsPolicy: 'Default',
          priorityClassName: 'system-node-critical',
          serviceAccountName: agentAccount,
          terminationGracePeriodSeconds: 1,
          affinity: onPools([pool.name]),
          tolerations: everywhere,
          initContainers: [installPlugin(pool)],
          containers: [agent(pool)],
          volumes: volumes(pool),
        },
      },
    },
  };
}

function installPlugin({ image }: CiliumPool) {
  return {
    name: 'install-cni-plugin',
    image,
    imagePullPolicy: 'IfNotPresent',
    command: ['/install-plugin.sh'],
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: { privileged: true },
    volumeMounts: [{ name: programs.name, mountPath: programs.inside }],
  };
}

function agent({ image }: CiliumPool) {
  return {
    name: 'cilium-agent',
    image,
    imagePullPolicy: 'IfNotPresent',
    command: ['cilium-agent'],
    args: ['--config-dir=/tmp/cilium/config-map'],
    env: environment,
    securityContext: { privileged: true },
    terminationMessagePolicy: 'FallbackToLogsOnError',
    // It loads programs into the kernel before it answers; on a busy host that takes a while.
    startupProbe: { ...health, periodSeconds: 2, failureThreshold: 150 },
    livenessProbe: { ...health, periodSeconds: 30, failureThreshold: 10, timeoutSeconds: 5 },
    readinessProbe: { ...health, periodSeconds: 30, failureThreshold: 3, timeoutSeconds: 5 },
    volumeMounts: [
      ...hostFolders.map(({ name, inside, ...more }) => ({
        name,
        mountPath: inside,
        ...('propagation' in more ? { mountPropagation: more.propagation } : {}),
        ...('readOnly' in more ? { readOnly: true } : {}),
      })),
      { name: lock.name, mountPath: lock.path },
      ...configurationMounts,
    ],
  };
}

const health = {
  httpGet: {
    host: '127.0.0.1',
    port: healthPort,
    path: '/healthz',
    scheme: 'HTTP',
    httpHeaders: [{ name: 'brief', value: 'true' }],
  },
};

function volumes(pool: CiliumPool) {
  const folder = (name: string, path: string) => ({ name, hostPath: { path, type: 'DirectoryOrCreate' } });
  return [
    ...hostFolders.map(({ name, path }) => folder(name, path)),
    folder(programs.name, programs.path),
    { name: lock.name, hostPath: { path: lock.path, type: 'FileOrCreate' } },
    ...configurationVolumes(pool),
  ];
}
