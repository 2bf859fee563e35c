// From samples to figures and ratios. Pure.

export interface Sample {
  readonly toAgentMBs: number;
  readonly fromAgentMBs: number;
  readonly cpuSecondsPerGB: number;
  readonly toAgentCpuSecondsPerGB: number;
  readonly fromAgentCpuSecondsPerGB: number;
  readonly gatewayCpuSecondsPerGB: number;
  readonly agentCpuSecondsPerGB: number;
  readonly idleP50Ms: number;
  readonly idleP99Ms: number;
  readonly besideBulkMBs: number;
  readonly besideBulkP50Ms: number;
  readonly besideBulkP99Ms: number;
}

export type Figures = Readonly<Record<string, Sample>>;

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export const median = (values: readonly number[]) => percentile(values, 0.5);

/** Each figure's median over the rounds. */
export function summarise(samples: readonly Sample[]): Sample {
  const keys = Object.keys(samples[0] ?? {}) as (keyof Sample)[];
  return Object.fromEntries(
    keys.map((key) => [key, round(median(samples.map((sample) => sample[key])))]),
  ) as unknown as Sample;
}

/** Ratios of two contenders' figures; those whose contender did not run are left out. */
export function ratiosOf(figures: Figures): Record<string, number> {
  const pairs: [string, string, string, keyof Sample][] = [
    ['throughput_vs_two_node_pipes_to_agent', 'regnode', 'two-node-pipes', 'toAgentMBs'],
    ['throughput_vs_two_node_pipes_from_agent', 'regnode', 'two-node-pipes', 'fromAgentMBs'],
    ['throughput_vs_ssh_to_agent', 'regnode', 'ssh', 'toAgentMBs'],
    ['throughput_vs_ssh_from_agent', 'regnode', 'ssh', 'fromAgentMBs'],
    ['tls_throughput_vs_ssh_to_agent', 'regnode-tls', 'ssh', 'toAgentMBs'],
    ['tls_throughput_vs_ssh_from_agent', 'regnode-tls', 'ssh', 'fromAgentMBs'],
    ['tls_throughput_vs_stunnel_to_agent', 'regnode-tls', 'stunnel', 'toAgentMBs'],
    ['tls_throughput_vs_stunnel_from_agent', 'regnode-tls', 'stunnel', 'fromAgentMBs'],
    ['p99_under_bulk_vs_ssh', 'regnode', 'ssh', 'besideBulkP99Ms'],
    ['tls_p99_under_bulk_vs_ssh', 'regnode-tls', 'ssh', 'besideBulkP99Ms'],
  ];
  const ratios: Record<string, number> = {};
  for (const [name, ours, theirs, key] of pairs) {
    const [above, below] = [figures[ours]?.[key], figures[theirs]?.[key]];
    if (above !== undefined && below !== undefined) ratios[name] = round(above / below);
  }
  for (const [name, whole] of [
    ['throughput_vs_two_node_pipes', 'throughput_vs_two_node_pipes'],
    ['throughput_vs_ssh', 'throughput_vs_ssh'],
    ['tls_throughput_vs_ssh', 'tls_throughput_vs_ssh'],
  ] as const) {
    const both = [ratios[`${whole}_to_agent`], ratios[`${whole}_from_agent`]].filter(
      (found) => found !== undefined,
    );
    if (both.length === 2) ratios[name] = Math.min(...both);
  }
  const own = figures.regnode;
  if (own) ratios.bulk_kept_beside_round_trips = round(own.besideBulkMBs / own.fromAgentMBs);
  return ratios;
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
