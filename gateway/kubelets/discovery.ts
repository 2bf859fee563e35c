// The list of kubelets for Prometheus' http_sd_config: every registered node with each of its metric paths, as targets at this very
// gateway. A node that is away stays in it, so that its `up` becomes 0; one that was removed goes. Pure.
import type { RegisteredNode } from '../nodes/node.ts';
import { type KubeletPath, kubeletPaths } from './scrape.ts';

export interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

export function kubeletTargets(
  registered: Iterable<RegisteredNode>,
  /** As Prometheus itself reaches the gateway. */
  gateway: string,
  path?: KubeletPath,
): TargetGroup[] {
  const paths = path === undefined ? kubeletPaths : [path];
  return [...registered]
    .filter(
      ({ metadata, status }) => status?.joinedAt !== undefined && metadata.deletionTimestamp === undefined,
    )
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .flatMap((node) => paths.map((one) => target(node, gateway, one)));
}

function target({ metadata, spec, status }: RegisteredNode, gateway: string, path: KubeletPath): TargetGroup {
  const { name } = metadata;
  return {
    targets: [gateway],
    labels: {
      __metrics_path__: `/nodes/${name}/kubelet${path}`,
      __meta_regnode_phase: status?.phase ?? '',
      __meta_regnode_connected: String(status?.tunnel?.connected ?? false),
      instance: name,
      node: name,
      pool: spec.pool,
      metrics_path: path,
    },
  };
}

/** The Host header, if it is one. */
export function hostOf(header: string | undefined): string | undefined {
  return header !== undefined && /^[A-Za-z0-9._-]+(:\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](:\d{1,5})?$/.test(header)
    ? header
    : undefined;
}
