// One look at the private line, from the route to the throughput: the story of `regnode netcheck`,
// and of the daemon's own looks. Whatever cannot be measured is left out with its reason, and
// never takes the rest with it.
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { LineSession } from '../../protocol/line/session.ts';
import {
  defaultThresholds,
  type LineThresholds,
  vxlanOverheadBytes,
} from '../../protocol/line/thresholds.ts';
import { proxyFor } from '../config/proxy.ts';
import type { Host } from '../host/host.ts';
import { type LineMeasurement, measurementSchemaVersion } from '../state/line-measurement.ts';
import { Conversation, type ProbeTarget } from './conversation.ts';
import { httpsSeries, inward, type Series, udpSeries } from './echoes.ts';
import { GatewayLine, type LineCredentials } from './gateway-line.ts';
import { type Way, walk } from './hops.ts';
import { pingPathMtu, searchPathMtu } from './path-mtu.ts';
import { clockOffset, rounded, summarizeRoundTrips } from './statistics.ts';
import { measureThroughput } from './throughput.ts';

export interface NetcheckOptions {
  readonly gatewayUrl: string;
  readonly caPem?: string | undefined;
  readonly identity?: LineCredentials['identity'];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly thresholds?: LineThresholds | undefined;
  readonly count: number;
  readonly intervalMs: number;
  /** Takes the VXLAN port of this host for a moment: whoever wants to have it then can't. */
  readonly withInward: boolean;
  readonly withPathMtu: boolean;
  readonly withThroughput: boolean;
  readonly signal: AbortSignal;
  /** For who looks again and again: the session of the last look, as long as it is good. */
  readonly kept?: { session?: LineSession; untilMonotonicMs?: number };
  /** Before each part, for somebody who watches. */
  readonly onPart?: (part: Part) => void;
}

export type Part = 'way' | 'round-trip' | 'udp' | 'path-mtu' | 'throughput';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Draft = Mutable<LineMeasurement>;

export async function measureLine(host: Host, options: NetcheckOptions): Promise<LineMeasurement> {
  const startedMs = host.clock.monotonicMs();
  const draft: Draft = {
    schema: measurementSchemaVersion,
    at: new Date(host.clock.nowMs()).toISOString(),
    durationMs: 0,
    gatewayUrl: options.gatewayUrl,
    hops: [],
    notMeasured: [],
    thresholds: options.thresholds ?? defaultThresholds,
  };
  const proxy = proxyFor(new URL(options.gatewayUrl), options.environment);
  options.onPart?.('way');
  const way = await walk(host, { ...options, proxy });
  draft.hops = [...way.hops];
  if (way.route) {
    const { device, source, mtuBytes } = way.route;
    draft.route = { device, source, mtuBytes };
  }
  if (way.refused !== undefined) draft.refused = way.refused;
  if (way.isOpen) {
    const line = new GatewayLine(host, { ...options, url: options.gatewayUrl, proxy }, options.signal);
    try {
      await measureWith(host, line, way, options, draft);
    } finally {
      line.close();
    }
  }
  draft.durationMs = Math.round(host.clock.monotonicMs() - startedMs);
  return draft;
}

async function measureWith(
  host: Host,
  line: GatewayLine,
  way: Way,
  options: NetcheckOptions,
  draft: Draft,
): Promise<void> {
  const session = await tried(draft, 'session', options.signal, () => sessionOf(host, line, options));
  if (session === undefined) return;
  const target = targetOf(session, way);
  if (typeof target === 'string') draft.notMeasured.push({ what: 'udp', reason: target });
  else await tried(draft, 'udp', options.signal, () => byUdp(host, session, target, way, options, draft));
  if (draft.roundTrip === undefined) {
    options.onPart?.('round-trip');
    await tried(draft, 'round-trip', options.signal, async () => {
      useSeries(draft, 'https', await httpsSeries(line, Math.min(options.count, 20)));
    });
  }
  if (draft.pathMtu === undefined && options.withPathMtu && way.route) {
    await tried(draft, 'path-mtu', options.signal, () => byPing(host, way, draft));
  }
  if (options.withThroughput) {
    options.onPart?.('throughput');
    draft.throughput = await tried(draft, 'throughput', options.signal, () => measureThroughput(line));
    if (draft.throughput === undefined) delete draft.throughput;
  }
}

async function sessionOf(
  host: Host,
  line: GatewayLine,
  { kept = {} }: NetcheckOptions,
): Promise<LineSession> {
  const { session, untilMonotonicMs = 0 } = kept;
  const now = host.clock.monotonicMs();
  if (session && now < untilMonotonicMs) {
    line.useSession(session);
    return session;
  }
  kept.session = await line.openSession();
  kept.untilMonotonicMs = now + kept.session.lifetimeMs / 2;
  return kept.session;
}

/** Where UDP probes go and with which key, or why they can't. */
function targetOf(session: LineSession, { route }: Way): ProbeTarget | string {
  if (session.udpPort === undefined) return 'this gateway answers no UDP (--probe-listen)';
  if (route === undefined) return 'no route to the gateway';
  // Behind address translation the connection's address is what the gateway sees of datagrams too.
  const own = session.keys.find(({ address }) => address === route.source);
  const { key, address } = own ?? session.keys[0] ?? {};
  if (key === undefined) return 'the session has no key';
  const { session: id, expiresAtSeconds, udpPort: port } = session;
  const bytes = Buffer.from(key, 'base64');
  if (address !== route.source && session.keys.length > 1) {
    return `${route.source} is none of this node's addresses`;
  }
  return { address: route.address, port, source: route.source, session: id, expiresAtSeconds, key: bytes };
}

async function byUdp(
  host: Host,
  session: LineSession,
  target: ProbeTarget,
  way: Way,
  options: NetcheckOptions,
  draft: Draft,
): Promise<void> {
  const conversation = await Conversation.open(host, target);
  try {
    options.onPart?.('round-trip');
    const series = await udpSeries(host, conversation, options.count, options.intervalMs);
    const { port } = target;
    if (series.samples.length === 0) {
      // It may be the session that nobody knows any more, after a rotation of the CA:
      // the next look opens another.
      delete options.kept?.session;
      if (isThroughProxy(session, way)) {
        const reason = `no answer, and HTTPS goes through a proxy (${session.address})`;
        draft.notMeasured.push({ what: 'udp', reason });
        return;
      }
      draft.udp = { port, outward: 'blocked', inward: 'unknown', sent: series.sent };
      return;
    }
    useSeries(draft, 'udp', series);
    const roundTripMs = draft.roundTrip?.p90Ms ?? 0;
    options.onPart?.('udp');
    draft.udp = { port, outward: 'open', inward: 'unknown', sent: series.sent };
    if (options.withInward) {
      const came = await inward(host, conversation, target, session.inboundPort, roundTripMs);
      if (came.state === 'unknown') draft.notMeasured.push({ what: 'udp-inward', reason: came.reason });
      draft.udp = { ...draft.udp, inward: came.state };
    }
    if (!options.withPathMtu || way.route === undefined) return;
    options.onPart?.('path-mtu');
    const deviceMtuBytes = way.route.mtuBytes;
    const lossPercent = draft.lossPercent ?? 0;
    const bytes = await searchPathMtu({
      host,
      conversation,
      target,
      deviceMtuBytes,
      roundTripMs,
      lossPercent,
    });
    if (bytes !== undefined) usePathMtu(draft, bytes, 'udp', deviceMtuBytes);
  } finally {
    await conversation.close();
  }
}

/** Only HTTPS went another way than the datagrams: their source is not what the gateway has a key for. */
function isThroughProxy(session: LineSession, { hops, route }: Way): boolean {
  return hops.some(({ hop }) => hop === 'proxy') && session.address !== route?.source;
}

async function byPing(host: Host, { route }: Way, draft: Draft): Promise<void> {
  if (route === undefined) return;
  const bytes = await pingPathMtu(host, route.address, route.mtuBytes);
  if (bytes === undefined) {
    const reason = 'neither UDP nor "ping -M do" (iputils) brought an answer';
    draft.notMeasured.push({ what: 'path-mtu', reason });
  } else usePathMtu(draft, bytes, 'ping', route.mtuBytes);
}

function usePathMtu(draft: Draft, bytes: number, method: 'udp' | 'ping', deviceBytes: number): void {
  const podMtuBytes = draft.thresholds.podMtuBytes || deviceBytes - vxlanOverheadBytes;
  draft.pathMtu = {
    bytes,
    method,
    deviceBytes,
    podMtuBytes,
    vxlanFits: bytes >= podMtuBytes + vxlanOverheadBytes,
  };
}

function useSeries(draft: Draft, over: 'udp' | 'https', { sent, samples }: Series): void {
  const summary = summarizeRoundTrips(samples.map(({ roundTripMs }) => roundTripMs));
  const clock = clockOffset(samples);
  if (summary) draft.roundTrip = { over, sent, received: samples.length, ...summary };
  if (clock) draft.clock = clock;
  if (over === 'udp') draft.lossPercent = rounded(((sent - samples.length) / sent) * 100);
}

/**
 * undefined when it could not be measured; the reason is in the draft. An end that
 * was asked for is no reason.
 */
async function tried<T>(
  draft: Draft,
  what: string,
  signal: AbortSignal,
  measure: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await measure();
  } catch (error) {
    signal.throwIfAborted();
    const reason = error instanceof Fault ? `${error.code}: ${error.message}` : (error as Error).message;
    draft.notMeasured.push({ what, reason });
    return undefined;
  }
}
