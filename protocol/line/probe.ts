// One UDP datagram of a line probe. A fixed head (56 bytes), then zeros up to the size that is probed; an
// answer is never larger than its request. The key belongs to one source address (session.ts), so a datagram
// that claims another address is not answered, and nobody can be sent anything that he has not asked for.
//
//   0 "RGLP"  4 version  5 kind  6 u16 length of the whole datagram  8 session id (8 bytes)  16 u32 expiry, s
//  20 u32 number  24 f64 t1: sent by the host  32 f64 t2: received  40 f64 t3: answered (ms since the epoch)
//  48 the first 8 bytes of HMAC-SHA256 over what lies before
import { createHmac, timingSafeEqual } from 'node:crypto';

export const probeHeadBytes = 56;
const magic = 0x5247_4c50;
const version = 1;
const signedBytes = 48;

/**
 * `echo`: answer with the head only. `full`: answer with as many bytes. `inbound`: answer from the same port
 * to the VXLAN port of the host, as a node in the cloud would. `answer`: never answered.
 */
export const probeKinds = ['echo', 'full', 'inbound', 'answer'] as const;
export type ProbeKind = (typeof probeKinds)[number];

export interface Probe {
  readonly kind: ProbeKind;
  /** 16 hex digits. */
  readonly session: string;
  readonly expiresAtSeconds: number;
  readonly number: number;
  readonly sentAtMs: number;
  readonly receivedAtMs: number;
  readonly answeredAtMs: number;
}

export function encodeProbe(probe: Probe, key: Uint8Array, lengthBytes = probeHeadBytes): Buffer {
  const bytes = Buffer.alloc(Math.max(probeHeadBytes, lengthBytes));
  bytes.writeUInt32BE(magic, 0);
  bytes.writeUInt8(version, 4);
  bytes.writeUInt8(probeKinds.indexOf(probe.kind), 5);
  bytes.writeUInt16BE(bytes.length, 6);
  bytes.write(probe.session, 8, 8, 'hex');
  bytes.writeUInt32BE(probe.expiresAtSeconds, 16);
  bytes.writeUInt32BE(probe.number, 20);
  bytes.writeDoubleBE(probe.sentAtMs, 24);
  bytes.writeDoubleBE(probe.receivedAtMs, 32);
  bytes.writeDoubleBE(probe.answeredAtMs, 40);
  signature(bytes, key).copy(bytes, signedBytes);
  return bytes;
}

/** undefined for whatever is not a whole probe; whether its signature is right is `isSigned`'s to say. */
export function decodeProbe(bytes: Buffer): Probe | undefined {
  if (bytes.length < probeHeadBytes || bytes.readUInt32BE(0) !== magic) return undefined;
  const kind = probeKinds[bytes.readUInt8(5)];
  if (bytes.readUInt8(4) !== version || kind === undefined) return undefined;
  if (bytes.readUInt16BE(6) !== bytes.length) return undefined;
  return {
    kind,
    session: bytes.toString('hex', 8, 16),
    expiresAtSeconds: bytes.readUInt32BE(16),
    number: bytes.readUInt32BE(20),
    sentAtMs: bytes.readDoubleBE(24),
    receivedAtMs: bytes.readDoubleBE(32),
    answeredAtMs: bytes.readDoubleBE(40),
  };
}

export function isSigned(bytes: Buffer, key: Uint8Array): boolean {
  if (bytes.length < probeHeadBytes) return false;
  return timingSafeEqual(bytes.subarray(signedBytes, probeHeadBytes), signature(bytes, key));
}

function signature(bytes: Buffer, key: Uint8Array): Buffer {
  const full = createHmac('sha256', key).update(bytes.subarray(0, signedBytes)).digest();
  return full.subarray(0, probeHeadBytes - signedBytes);
}
