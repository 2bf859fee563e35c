// The frame header and the rules for each type of frame: which stream numbers it may carry, how long its
// payload may be, and whether it is part of the sequence that survives a reconnect. Nothing here keeps state.
//
//   0 u32 payload length | 4 u8 type | 5 u8 flags, 0 | 6 u16 reserved, 0 | 8 u32 stream | 12 u32 aux
import { framePayloadLimitBytes } from './limits.ts';
import { invalid } from './violation.ts';

export const FrameType = {
  hello: 1,
  open: 2,
  openOk: 3,
  openErr: 4,
  data: 5,
  window: 6,
  fin: 7,
  rst: 8,
  ping: 9,
  pong: 10,
  drain: 11,
  control: 12,
  telemetry: 13,
  telemetryAck: 14,
  heartbeat: 16,
  ack: 17,
  packedTelemetry: 18,
} as const;

export type FrameType = (typeof FrameType)[keyof typeof FrameType];

export interface FrameRule {
  readonly name: string;
  readonly scope: 'session' | 'stream';
  /** Counted, kept until acknowledged, and sent again after a reconnect. */
  readonly sequenced: boolean;
  readonly payloadMinimumBytes: number;
  readonly payloadLimitBytes: number;
}

const rule = (name: string, scope: FrameRule['scope'], sequenced: boolean, minimum: number, limit: number) =>
  ({ name, scope, sequenced, payloadMinimumBytes: minimum, payloadLimitBytes: limit }) satisfies FrameRule;

/** Indexed by type; a hole is an unknown type. */
export const frameRules: readonly (FrameRule | undefined)[] = (() => {
  const rules: (FrameRule | undefined)[] = new Array(FrameType.packedTelemetry + 1).fill(undefined);
  rules[FrameType.hello] = rule('HELLO', 'session', false, 2, 4096);
  rules[FrameType.open] = rule('OPEN', 'stream', true, 2, 4096);
  rules[FrameType.openOk] = rule('OPEN_OK', 'stream', true, 0, 0);
  rules[FrameType.openErr] = rule('OPEN_ERR', 'stream', true, 0, 4096);
  rules[FrameType.data] = rule('DATA', 'stream', true, 1, framePayloadLimitBytes);
  rules[FrameType.window] = rule('WINDOW', 'stream', true, 0, 0);
  rules[FrameType.fin] = rule('FIN', 'stream', true, 0, 0);
  rules[FrameType.rst] = rule('RST', 'stream', true, 0, 0);
  rules[FrameType.ping] = rule('PING', 'session', false, 0, 0);
  rules[FrameType.pong] = rule('PONG', 'session', false, 0, 0);
  rules[FrameType.drain] = rule('DRAIN', 'session', true, 0, 0);
  rules[FrameType.control] = rule('CONTROL', 'session', true, 2, framePayloadLimitBytes);
  rules[FrameType.telemetry] = rule('TELE', 'session', false, 1, framePayloadLimitBytes);
  rules[FrameType.telemetryAck] = rule('TELE_ACK', 'session', false, 1, 4096);
  rules[FrameType.heartbeat] = rule('HEARTBEAT', 'session', false, 1, 4096);
  rules[FrameType.ack] = rule('ACK', 'session', false, 0, 0);
  rules[FrameType.packedTelemetry] = rule('TELE_PACKED', 'session', false, 1, framePayloadLimitBytes);
  return rules;
})();

/** Reasons that RST carries in `aux`. */
export const ResetReason = { cancelled: 1, localError: 2, protocol: 3, sessionEnded: 4 } as const;
export type ResetReason = (typeof ResetReason)[keyof typeof ResetReason];

export interface FrameHeader {
  readonly payloadBytes: number;
  readonly type: number;
  readonly stream: number;
  readonly aux: number;
}

export function writeHeader(
  target: Uint8Array,
  offset: number,
  payloadBytes: number,
  type: FrameType,
  stream: number,
  aux: number,
): void {
  writeU32(target, offset, payloadBytes);
  target[offset + 4] = type;
  target[offset + 5] = 0;
  target[offset + 6] = 0;
  target[offset + 7] = 0;
  writeU32(target, offset + 8, stream);
  writeU32(target, offset + 12, aux);
}

/** Reads and checks the 16 bytes at `offset`; the caller has made sure that they are there. */
export function readHeader(source: Uint8Array, offset: number): FrameHeader {
  const payloadBytes = readU32(source, offset);
  const type = source[offset + 4] ?? 0;
  const stream = readU32(source, offset + 8);
  const found = frameRules[type];
  if (!found) throw invalid('frame-type', `unknown frame type ${type}`);
  if ((source[offset + 5] ?? 0) | (source[offset + 6] ?? 0) | (source[offset + 7] ?? 0)) {
    throw invalid('frame-header', `${found.name} with non-zero flags or reserved bytes`);
  }
  if (payloadBytes < found.payloadMinimumBytes || payloadBytes > found.payloadLimitBytes) {
    throw invalid('frame-size', `${found.name} with ${payloadBytes} bytes, allowed are ${allowed(found)}`);
  }
  if ((found.scope === 'session') !== (stream === 0)) {
    throw invalid('frame-header', `${found.name} on stream ${stream}`);
  }
  return { payloadBytes, type, stream, aux: readU32(source, offset + 12) };
}

function allowed(found: FrameRule): string {
  return found.payloadMinimumBytes === found.payloadLimitBytes
    ? `${found.payloadLimitBytes}`
    : `${found.payloadMinimumBytes} to ${found.payloadLimitBytes}`;
}

function writeU32(target: Uint8Array, offset: number, value: number): void {
  target[offset] = value;
  target[offset + 1] = value >>> 8;
  target[offset + 2] = value >>> 16;
  target[offset + 3] = value >>> 24;
}

function readU32(source: Uint8Array, offset: number): number {
  return (
    ((source[offset] ?? 0) |
      ((source[offset + 1] ?? 0) << 8) |
      ((source[offset + 2] ?? 0) << 16) |
      ((source[offset + 3] ?? 0) << 24)) >>>
    0
  );
}
