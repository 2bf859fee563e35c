// A measurement against what the pool asks of the line: pure. Netcheck prints what is bad, the node's health
// waits whether it stays; both mean the same codes. What is visible already clears only at a better value
// than the one that raised it.
import { lineHealthFaults } from '../../protocol/catalogue/line.ts';
import { vxlanOverheadBytes } from '../../protocol/line/thresholds.ts';
import type { NetworkMode } from '../../protocol/messages/desired.ts';
import type { Observation } from '../health/condition.ts';
import type { LineMeasurement } from '../state/line-measurement.ts';

export type LineCode = keyof typeof lineHealthFaults;
export const lineCodes = Object.keys(lineHealthFaults) as readonly LineCode[];

/** Of a limit: what a value that is visible has to come below to be good again. */
const clearRatio = 0.8;

type Judged = Pick<Observation, 'state' | 'values'>;
const unknown: Judged = { state: 'unknown' };

/**
 * What only an overlay network needs; a cluster's own network may be routed, so there
 * it is no more than a warning.
 */
const forOverlay: readonly LineCode[] = [
  'LINE_VXLAN_TOO_LARGE',
  'LINE_UDP_BLOCKED',
  'LINE_UDP_INBOUND_BLOCKED',
];

export function judge(
  measurement: LineMeasurement,
  {
    network,
    isVisible = () => false,
  }: { network?: NetworkMode | undefined; isVisible?: (code: LineCode) => boolean },
): readonly Observation[] {
  return lineCodes.map((code) => ({
    code,
    ...judges[code](measurement, isVisible(code) ? clearRatio : 1),
    ...(network === 'external' && forOverlay.includes(code) && { severity: 'warning' as const }),
  }));
}

const judges: Readonly<Record<LineCode, (measurement: LineMeasurement, ratio: number) => Judged>> = {
  LINE_UNREACHABLE({ hops, refused }) {
    if (refused !== undefined) return { state: 'bad', values: { detail: refused } };
    const broken = hops.find(({ fault }) => fault !== undefined);
    if (broken === undefined) return { state: hops.length > 0 ? 'good' : 'unknown' };
    return { state: 'bad', values: { detail: `${broken.hop} ${broken.detail}: ${broken.fault}` } };
  },
  LINE_SLOW({ roundTrip, thresholds }, ratio) {
    if (roundTrip === undefined) return unknown;
    const { p50Ms } = roundTrip;
    return over(p50Ms, thresholds.rttMs, ratio, { milliseconds: p50Ms, allowed: thresholds.rttMs });
  },
  LINE_JITTERY({ roundTrip, thresholds }, ratio) {
    if (roundTrip === undefined) return unknown;
    const { jitterMs } = roundTrip;
    return over(jitterMs, thresholds.jitterMs, ratio, {
      milliseconds: jitterMs,
      allowed: thresholds.jitterMs,
    });
  },
  LINE_LOSSY({ lossPercent, roundTrip, thresholds }, ratio) {
    if (lossPercent === undefined || roundTrip === undefined) return unknown;
    const lost = roundTrip.sent - roundTrip.received;
    // One packet of a few is no rate yet.
    if (lost === 1 && thresholds.lossPercent > 0) return { state: ratio < 1 ? 'unknown' : 'good' };
    const values = { percent: lossPercent, allowed: thresholds.lossPercent, lost, sent: roundTrip.sent };
    return over(lossPercent, thresholds.lossPercent, ratio, values);
  },
  LINE_VXLAN_TOO_LARGE({ pathMtu, route }) {
    if (pathMtu === undefined) return unknown;
    const { bytes, podMtuBytes, vxlanFits } = pathMtu;
    const neededBytes = podMtuBytes + vxlanOverheadBytes;
    const values = { pathMtuBytes: bytes, podMtuBytes, neededBytes, device: route?.device ?? '?' };
    return { state: vxlanFits ? 'good' : 'bad', values };
  },
  LINE_UDP_BLOCKED({ udp }) {
    if (udp === undefined) return unknown;
    return { state: udp.outward === 'open' ? 'good' : 'bad', values: { port: udp.port, sent: udp.sent } };
  },
  LINE_UDP_INBOUND_BLOCKED({ udp }) {
    if (udp === undefined || udp.inward === 'unknown') return unknown;
    return { state: udp.inward === 'open' ? 'good' : 'bad', values: { port: udp.port } };
  },
  LINE_THROUGHPUT_LOW({ throughput, thresholds }, ratio) {
    if (throughput === undefined) return unknown;
    const { downMbps, upMbps } = throughput;
    const [mbps, direction] = downMbps < upMbps ? [downMbps, '↓'] : [upMbps, '↑'];
    const needed = thresholds.throughputMbps;
    const isBad = mbps < needed / ratio;
    return { state: isBad ? 'bad' : 'good', values: { mbps, direction, needed } };
  },
  CLOCK_SKEWED({ clock, thresholds }, ratio) {
    if (clock === undefined) return unknown;
    const { offsetMs, uncertaintyMs } = clock;
    const values = { milliseconds: offsetMs, uncertaintyMs, allowed: thresholds.clockOffsetMs };
    // Only what is off for certain.
    return over(Math.abs(offsetMs) - uncertaintyMs, thresholds.clockOffsetMs, ratio, values);
  },
};

function over(value: number, limit: number, ratio: number, values: Observation['values'] & object): Judged {
  return { state: value > limit * ratio ? 'bad' : 'good', values };
}
