// The heartbeat, sent every `heartbeatIntervalMs`, the latest value only: one fixed form of 96 bytes, so that
// a gateway reads a hundred thousand a second without parsing text. Little-endian: u16 version, u16 bits (1
// kubelet healthy, 2 containerd healthy), u32 zero, then f64: when it was sent, the first vitals, the ring,
// the vitals of later releases.
import { firstVitals, type Vitals, vitalNames } from './vitals.ts';

/** Times in ms since the Unix epoch, sizes in bytes. */
export interface Heartbeat extends Vitals {
  readonly sentAtMs: number;
  readonly kubeletHealthy: boolean;
  readonly containerdHealthy: boolean;
  /** Of records: whatever was ever produced, and where it is now. */
  readonly ring: Readonly<Record<(typeof ringNames)[number], number>>;
}

const ringNames = ['produced', 'acknowledged', 'pending', 'lost'] as const;
const heartbeatVersion = 1;
const headerBytes = 8;
const placeOf = (index: number) => headerBytes + index * 8;

/** All that any release has said; a heartbeat that is shorter is none. */
const leastBytes = placeOf(1 + firstVitals + ringNames.length);

/** `names`: the vitals that this release knows. */
export function heartbeatForm<Name extends string>(names: readonly Name[]) {
  type Beat = Omit<Heartbeat, keyof Vitals> & Readonly<Record<Name, number>>;
  const ringAt = 1 + firstVitals;
  const vitalAt = (index: number) => 1 + index + (index < firstVitals ? 0 : ringNames.length);
  const bytes = placeOf(1 + names.length + ringNames.length);

  /**
   * Whether the bytes are a heartbeat all of whose numbers are finite. Makes no object: a gateway
   * asks it for each that comes.
   */
  const isHeartbeat = (beat: Uint8Array): boolean => {
    if (beat.length < leastBytes || beat[0] !== heartbeatVersion || beat[1] !== 0) return false;
    const known = Math.min(bytes, beat.length - (beat.length % 8));
    for (let offset = headerBytes; offset < known; offset += 8) {
      // All bits of the exponent: infinite, or no number.
      if (((beat[offset + 7] ?? 0) & 0x7f) === 0x7f && (beat[offset + 6] ?? 0) >= 0xf0) return false;
    }
    return true;
  };

  const encode = (beat: Beat): Uint8Array => {
    const encoded = new Uint8Array(bytes);
    const view = new DataView(encoded.buffer);
    view.setUint16(0, heartbeatVersion, true);
    view.setUint16(2, (beat.kubeletHealthy ? 1 : 0) | (beat.containerdHealthy ? 2 : 0), true);
    const put = (index: number, value: number) => view.setFloat64(placeOf(index), value, true);
    put(0, beat.sentAtMs);
    for (const [index, name] of names.entries()) put(vitalAt(index), beat[name]);
    for (const [index, name] of ringNames.entries()) put(ringAt + index, beat.ring[name]);
    return encoded;
  };

  /** undefined when the bytes are no heartbeat. What a later release has added behind is left out. */
  const decode = (beat: Uint8Array): Beat | undefined => {
    if (!isHeartbeat(beat)) return undefined;
    const view = new DataView(beat.buffer, beat.byteOffset, beat.byteLength);
    const bits = view.getUint16(2, true);
    const at = (index: number) =>
      placeOf(index + 1) <= beat.length ? view.getFloat64(placeOf(index), true) : 0;
    const measured = {} as Record<Name, number>;
    for (const [index, name] of names.entries()) measured[name] = at(vitalAt(index));
    return {
      sentAtMs: at(0),
      ...measured,
      kubeletHealthy: (bits & 1) !== 0,
      containerdHealthy: (bits & 2) !== 0,
      ring: {
        produced: at(ringAt),
        acknowledged: at(ringAt + 1),
        pending: at(ringAt + 2),
        lost: at(ringAt + 3),
      },
    };
  };
  return { bytes, isHeartbeat, encode, decode };
}

const form = heartbeatForm(vitalNames);
export const heartbeatBytes = form.bytes;
export const isHeartbeat = form.isHeartbeat;
export const encodeHeartbeat: (heartbeat: Heartbeat) => Uint8Array = form.encode;
export const decodeHeartbeat: (bytes: Uint8Array) => Heartbeat | undefined = form.decode;
