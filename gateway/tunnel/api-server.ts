// The one thing that a node may reach through its tunnel: the API server's address, if its pool says so.
// What is in the streams is the kubelet's own TLS; who the kubelet is, the API server asks itself. A
// node has a few connections at a time and opens few; one that wants many is refused, whatever its
// tunnel would carry, and one that is refused again and again does not fill the audit, nor does one that
// opens and closes without end.
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { StreamTarget } from '../../protocol/messages/session.ts';
import { RepeatFilter } from '../../protocol/rate/repeat-filter.ts';
import { TokenBuckets } from '../../protocol/rate/token-bucket.ts';
import type { StreamAudit } from '../../protocol/tunnel/audit.ts';
import { realClock, type TunnelClock } from '../../protocol/tunnel/clock.ts';
import type { SessionStream } from '../../protocol/tunnel/stream.ts';
import { connectTarget, type TargetAddress } from '../../protocol/tunnel/targets.ts';
import type { TunnelNode } from './held-sessions.ts';
import { type StreamSum, StreamSums } from './stream-sums.ts';

export interface ApiServerWayOptions {
  readonly apiServerUrl: string;
  readonly isAllowed: (node: TunnelNode) => boolean;
  /**
   * `isRepeated`: it is to be counted only, since the node was refused another within a
   * second, or it is part of a sum.
   */
  readonly audit: (record: StreamAudit, isRepeated: boolean) => void;
  /** Of streams beyond what a kubelet opens, one a minute for each node. */
  readonly auditSum?: (sum: StreamSum) => void;
  readonly clock?: TunnelClock;
  /** The kubelet uses one connection for each kind of client, ten or so. */
  readonly connectionsPerNode?: number;
  /** Those that are allowed count; a hundred watches that all connect anew do so within a minute. */
  readonly streamsPerMinute?: number;
  readonly dialTimeoutMs?: number;
}

const rememberedNodes = 20_000;
const refusals = { intervalMs: 1000, remembered: rememberedNodes };
const defaults = {
  clock: realClock,
  connectionsPerNode: 64,
  streamsPerMinute: 600,
  dialTimeoutMs: 10_000,
  auditSum: () => {},
};

/** Takes the streams that agents open. */
export function apiServerWay(given: ApiServerWayOptions): (node: TunnelNode, stream: SessionStream) => void {
  const options = { ...defaults, ...given };
  const address = addressOf(options.apiServerUrl);
  const open = new Map<string, number>();
  const repeats = new RepeatFilter(refusals);
  const sums = new StreamSums(rememberedNodes, options.auditSum);
  const { streamsPerMinute } = options;
  const opened = new TokenBuckets(
    { burst: streamsPerMinute, perSecond: streamsPerMinute / 60 },
    rememberedNodes,
  );
  const count = (node: string, change: 1 | -1) => {
    const now = (open.get(node) ?? 0) + change;
    if (now > 0) open.set(node, now);
    else open.delete(node);
  };
  const resolve = (node: TunnelNode, { target }: StreamTarget): TargetAddress | Fault => {
    if (target !== 'api-server' || !options.isAllowed(node)) {
      return new Fault('TUNNEL_API_SERVER_REFUSED', { target, node: node.name, pool: node.pool });
    }
    const limit = options.connectionsPerNode;
    if ((open.get(node.name) ?? 0) > limit) return new Fault('TUNNEL_STREAM_LIMIT', { limit });
    const nowMs = options.clock.nowMs();
    if (opened.take(node.name, 1, nowMs)) return address;
    const seconds = opened.waitSeconds(node.name, 1, nowMs);
    return new Fault('TUNNEL_STREAM_RATE', { node: node.name, limit: streamsPerMinute, seconds });
  };
  return (node, stream) => {
    count(node.name, 1);
    connectTarget(stream, {
      node: node.name,
      resolveTarget: (target) => resolve(node, target),
      // One record for each stream, at its end, or its part of a sum.
      audit: (record) => {
        count(node.name, -1);
        const nowMs = options.clock.nowMs();
        const isRepeated =
          record.outcome === 'refused' ? !repeats.isNew(node.name, nowMs) : sums.takes(record, nowMs);
        options.audit(record, isRepeated);
      },
      clock: options.clock,
      dialTimeoutMs: options.dialTimeoutMs,
    });
  };
}

function addressOf(apiServerUrl: string): TargetAddress {
  const url = new URL(apiServerUrl);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) || 443 };
}
