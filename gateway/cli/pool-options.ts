// The options of `pool create` and `pool set`. An option that is not given changes nothing (pool-changes.ts); `none` takes a list back
// to empty.
import { type Command, Option } from 'commander';
import { defaultThresholds } from '../../protocol/line/thresholds.ts';
import {
  apiServerAccessSchema,
  type DriftPolicy,
  driftPolicySchema,
  type KubeletAccess,
  kubeletAccessSchema,
  networkModeSchema,
  type UpgradeDrain,
  upgradeDrainSchema,
} from '../../protocol/messages/desired.ts';
import { evictionSignals } from '../../protocol/messages/node-settings.ts';
import { defaultMaskSize, defaultPodCidr } from '../cilium/desired.ts';
import { byteCount, collect, count, duration } from './parse.ts';
import { reservedParts } from './pool-kubelet-options.ts';

export interface PoolFlags {
  readonly kubernetesVersion?: string;
  readonly network?: 'cilium' | 'external';
  readonly ciliumVersion?: string;
  readonly ciliumImage?: string;
  readonly ciliumOperatorImage?: string;
  readonly podCidr?: string;
  readonly podCidrMaskSize?: number;
  readonly ciliumMtu?: number;
  readonly apiServerAccess?: 'direct' | 'tunnel';
  readonly kubeletAccess?: KubeletAccess;
  readonly label?: readonly string[];
  readonly taint?: readonly string[];
  readonly maxNodes?: number;
  readonly nodeCidr?: readonly string[];
  readonly clusterDns?: readonly string[];
  readonly clusterDomain?: string;
  readonly maxPods?: number;
  readonly reserve?: readonly string[];
  readonly eviction?: readonly string[];
  readonly imageGcThresholds?: string;
  readonly sandboxImage?: string;
  readonly registryMirror?: readonly string[];
  readonly registryCa?: readonly string[];
  readonly heartbeatInterval?: number;
  readonly metricsInterval?: number;
  readonly line?: readonly string[];
  readonly containerdVersion?: string;
  readonly runcVersion?: string;
  readonly cniPluginsVersion?: string;
  readonly certificateGraceDays?: number;
  readonly agentVersion?: string;
  readonly maxUnavailable?: number;
  readonly healthTimeout?: number;
  readonly upgradeDrain?: UpgradeDrain;
  readonly driftPolicy?: DriftPolicy;
  readonly driftInterval?: number;
  readonly mirror?: readonly string[];
  readonly rateLimit?: number;
}

export function withPoolOptions(command: Command): Command {
  return command
    .option('--kubernetes-version <version>', 'version of the kubelet (default: that of the cluster)')
    .addOption(
      new Option('--network <mode>', 'cilium, or external when the cluster brings its own CNI').choices(
        networkModeSchema.options,
      ),
    )
    .option('--cilium-version <version>', 'default: the newest that goes with kernel 5.4 and the cluster')
    .option('--cilium-image <image>', 'default: quay.io/cilium/cilium in that version')
    .option('--cilium-operator-image <image>', 'default: quay.io/cilium/operator-generic in that version')
    .option(
      '--pod-cidr <range>',
      `addresses of pods, the same in all cilium pools (default ${defaultPodCidr})`,
    )
    .option('--pod-cidr-mask-size <n>', `size of one node's piece of it (default ${defaultMaskSize})`, count)
    .option('--cilium-mtu <bytes>', "default: by the line's device", count)
    .addOption(
      new Option(
        '--api-server-access <way>',
        'how kubelets reach the API server: direct (default), or tunnel when the line has no way to it',
      ).choices(apiServerAccessSchema.options),
    )
    .addOption(
      new Option(
        '--kubelet-access <way>',
        'how kubelets are reached: tunnel (only through it; default where the gateway has an egress), or direct as well',
      ).choices(kubeletAccessSchema.options),
    )
    .option('--label <key=value>', 'label of every node, may be repeated', collect)
    .option('--taint <key[=value]:effect>', 'taint of every node, may be repeated', collect)
    .option(
      '--node-cidr <range>',
      'addresses of its hosts, may be repeated; "none" for none (default: a host has the address that its join comes from)',
      collect,
    )
    .option('--max-nodes <n>', 'refuse joins above this', count)
    .option(
      '--cluster-dns <address>',
      'DNS server of pods, may be repeated (default: the service kube-dns)',
      collect,
    )
    .option('--cluster-domain <domain>', 'default cluster.local')
    .option('--max-pods <n>', 'pods per node, default 110', count)
    .option(
      '--reserve <part=amount>',
      `kept from pods (${Object.keys(reservedParts).join(', ')}), e.g. memory=2Gi, may be repeated (default: computed from the host)`,
      collect,
    )
    .option(
      '--eviction <signal=threshold>',
      `hard eviction (${evictionSignals.join(', ')}), may be repeated`,
      collect,
    )
    .option('--image-gc-thresholds <high:low>', 'percent of the disk, default 85:80')
    .option('--sandbox-image <image>', 'image of the pause container')
    .option(
      '--registry-mirror <registry=url>',
      'ask this mirror first ("*" for all other registries), may be repeated; "none" for no mirrors',
      collect,
    )
    .option('--registry-ca <registry=file>', 'PEM file with roots for a registry, may be repeated', collect)
    .option('--heartbeat-interval <duration>', 'default 10s', duration)
    .option('--metrics-interval <duration>', 'default 10s', duration)
    .option(
      '--line <limit=number>',
      `what the private line has to hold, may be repeated: ${Object.keys(defaultThresholds).join(', ')}`,
      collect,
    )
    .option('--containerd-version <version>', 'default: the newest in the artifact store that fits')
    .option('--runc-version <version>', 'default: the newest in the artifact store')
    .option('--cni-plugins-version <version>', 'default: the newest in the artifact store')
    .option(
      '--certificate-grace-days <n>',
      'how long an expired certificate may be renewed, default 90',
      count,
    )
    .option('--agent-version <version>', 'of regnode on the hosts (default: as it was installed)')
    .option('--max-unavailable <n>', 'nodes that get other versions at a time, default 1', count)
    .option(
      '--health-timeout <duration>',
      'a version not healthy by then is taken back, default 5m',
      duration,
    )
    .addOption(
      new Option(
        '--upgrade-drain <when>',
        'pods are moved away before another kubelet starts, default minor (only for another 1.N)',
      ).choices(upgradeDrainSchema.options),
    )
    .addOption(
      new Option(
        '--drift-policy <policy>',
        'what happens to changes made by hand on a host, default repair',
      ).choices(driftPolicySchema.options),
    )
    .option('--drift-interval <duration>', 'how often a host is looked at, default 5m', duration)
    .option(
      '--mirror <url>',
      'hosts look for archives there first, may be repeated; "none" for no mirrors',
      collect,
    )
    .option('--rate-limit <bytes>', 'of all downloads of a host together, per second: 500K, 10M', byteCount);
}
