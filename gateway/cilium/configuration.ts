// Cilium's configuration as it stands in a ConfigMap, one key an option: VXLAN between nodes, pod addresses
// from one pool of the cluster, services by BPF instead of kube-proxy. What changes the host beyond Cilium's
// own links is off, or is prepared by the agent (mounts, parameters), so that a leave can undo it. Pure.
import type { CiliumPool, DesiredCilium } from './desired.ts';

export const healthPort = 9879;
export const operatorHealthPort = 9234;
const cgroupRoot = '/run/cilium/cgroupv2';
export const kubeconfigPath = '/var/lib/regnode-cilium/kubeconfig';
export const configurationFolder = '/tmp/cilium/config-map';
/** Where the folder of CNI configurations is in the agent's container. */
const cniFolderInside = '/host/etc/cni/net.d';

type Options = Readonly<Record<string, string>>;

export function ciliumConfiguration(cilium: DesiredCilium, pool: CiliumPool): Options {
  return {
    ...addresses(cilium),
    ...dataPath(pool),
    ...cni,
    ...cluster,
    ...quiet,
  };
}

const addresses = ({ podCidr, maskSize }: DesiredCilium): Options => ({
  'enable-ipv4': 'true',
  'enable-ipv6': 'false',
  ipam: 'cluster-pool',
  'cluster-pool-ipv4-cidr': podCidr,
  'cluster-pool-ipv4-mask-size': String(maskSize),
});

const dataPath = ({ mtu }: CiliumPool): Options => ({
  'routing-mode': 'tunnel',
  'tunnel-protocol': 'vxlan',
  'kube-proxy-replacement': 'true',
  'enable-ipv4-masquerade': 'true',
  // By BPF: needs none of the netfilter modules that a kernel may lack.
  'enable-bpf-masquerade': 'true',
  'cgroup-root': cgroupRoot,
  'preallocate-bpf-maps': 'false',
  'bpf-map-dynamic-size-ratio': '0.0025',
  ...(mtu === undefined ? {} : { mtu: String(mtu) }),
});

/** The agent has moved other networks' configuration away under its journal; Cilium renames none. */
const cni: Options = {
  'cni-exclusive': 'false',
  'write-cni-conf-when-ready': `${cniFolderInside}/05-cilium.conflist`,
  'cni-log-file': '/var/run/cilium/cilium-cni.log',
};

const cluster: Options = {
  'identity-allocation-mode': 'crd',
  'cluster-name': 'default',
  'cluster-id': '0',
  'k8s-kubeconfig-path': kubeconfigPath,
  'agent-health-port': String(healthPort),
  'operator-api-serve-addr': `127.0.0.1:${operatorHealthPort}`,
  'enable-health-checking': 'true',
  'enable-endpoint-health-checking': 'true',
  'set-cilium-is-up-condition': 'true',
  'remove-cilium-node-taints': 'true',
  'set-cilium-node-taints': 'false',
  'unmanaged-pod-watcher-interval': '0',
  'cilium-endpoint-gc-interval': '5m0s',
  'nodes-gc-interval': '5m0s',
};

/** Not part of a node's network, or a change of the host that nobody would undo. */
const quiet: Options = {
  'enable-l7-proxy': 'false',
  'enable-envoy-config': 'false',
  'external-envoy-proxy': 'false',
  'enable-hubble': 'false',
  'enable-auto-protect-node-port-range': 'false',
  // It would look for a ConfigMap of a fixed name.
  'enable-dynamic-config': 'false',
  'enable-drift-checker': 'false',
};
