// The one shape of a component: a name, and a pure function from the facts of the host and the desired state
// of the pool to the resources that it needs, in the order in which they are made. Facts are looked up once
// for all components, because they have to agree (the kubelet and containerd on the cgroup driver, say).
import type { HostTraits } from '../../protocol/compatibility/host-traits.ts';
import type { DesiredState } from '../../protocol/messages/desired.ts';
import type { Resource } from '../plan/resource.ts';
import type { TreeManifest } from '../plan/tree-manifest.ts';

export interface NodeFacts extends HostTraits {
  readonly cgroupVersion: 1 | 2;
  readonly cgroupDriver: 'systemd' | 'cgroupfs';
  readonly cgroupDriverReason: string;
  /** Whether root may lower oom_score_adj (CAP_SYS_RESOURCE); containers often lack it. */
  readonly canLowerOomScore: boolean;
  readonly cpuCount: number;
  readonly memoryMiB: number;
  /** With servers that a pod can reach, where there is such a file. */
  readonly resolvConf: string;
  /** Those that have to be loaded at every boot: neither built in nor absent. */
  readonly modulesToLoad: readonly string[];
  /** Whether somebody else mounts the BPF file system; a mount of our own unit doesn't count. */
  readonly bpfIsMounted: boolean;
  /** Configuration files of CNI networks other than Cilium. */
  readonly otherNetworks: readonly string[];
  /** The manifests of unpacked trees by their path; absent ones are absent. */
  readonly trees: ReadonlyMap<string, TreeManifest>;
  /** Where regnode.service's unit file is, when it is installed. */
  readonly agentUnit: string | undefined;
  /** Seconds that a new agent has to become well, while one is on trial. */
  readonly agentTrialSeconds: number | undefined;
}

/** Who this node is, and what its cluster told it at registration. */
export interface NodeIdentity {
  readonly gatewayUrl: string;
  readonly nodeName: string;
  readonly pool: string;
  /** The source address of the private line. */
  readonly address: string;
  readonly bootstrap: { readonly apiServerUrl: string; readonly caPem: string; readonly token: string };
}

export interface DesiredNode {
  readonly identity: NodeIdentity;
  readonly desired: DesiredState;
}

export interface Component {
  readonly name: string;
  plan(facts: NodeFacts, desiredNode: DesiredNode): readonly Resource[];
}
