// The lists for Prometheus' http_sd_configs: kubelets, nodes, and the gateway's replicas, each a path of the
// very address that was asked, whichever replica answers there. A node that is away stays in them, so that
// its `up` becomes 0; one that was removed goes. Pure.
import type { KubeletPath } from '../kubelets/scrape.ts';
import type { RegisteredNode } from '../resources/registered-node.ts';

export interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** `gateway`: as Prometheus itself reaches it. */
export function kubeletTargets(
  registered: Iterable<RegisteredNode>,
  gateway: string,
  paths: readonly KubeletPath[],
): TargetGroup[] {
  return joined(registered).flatMap((node) =>
    paths.map((path) => {
      const { __meta_regnode_phase, __meta_regnode_connected, ...labels } = labelsOf(node);
      return {
        targets: [gateway],
        labels: {
          __metrics_path__: `/nodes/${node.metadata.name}/kubelet${path}`,
          __meta_regnode_phase,
          __meta_regnode_connected,
          ...labels,
          metrics_path: path,
        },
      };
    }),
  );
}

export function nodeTargets(registered: Iterable<RegisteredNode>, gateway: string): TargetGroup[] {
  return joined(registered).map((node) => ({
    targets: [gateway],
    labels: { __metrics_path__: `/nodes/${node.metadata.name}/metrics`, ...labelsOf(node) },
  }));
}

/** One that has died stays until its Lease is taken away, so that its `up` becomes 0. */
export function gatewayTargets(
  replicas: readonly { readonly name: string }[],
  gateway: string,
): TargetGroup[] {
  return replicas.map(({ name }) => ({
    targets: [gateway],
    labels: { __metrics_path__: `/replicas/${name}/metrics`, instance: name },
  }));
}

/** The Host header, if it is one. */
export function hostOf(header: string | undefined): string | undefined {
  return header !== undefined && /^[A-Za-z0-9._-]+(:\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](:\d{1,5})?$/.test(header)
    ? header
    : undefined;
}

function joined(registered: Iterable<RegisteredNode>): RegisteredNode[] {
  return [...registered]
    .filter(
      ({ metadata, status }) => status?.joinedAt !== undefined && metadata.deletionTimestamp === undefined,
    )
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

function labelsOf({ metadata, spec, status }: RegisteredNode) {
  return {
    __meta_regnode_phase: status?.phase ?? '',
    __meta_regnode_connected: String(status?.tunnel?.connected ?? false),
    instance: metadata.name,
    node: metadata.name,
    pool: spec.pool,
  };
}
