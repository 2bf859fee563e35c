// The heartbeat's bytes: one fixed form of 96 bytes, so that a gateway reads a hundred thousand a second without parsing
// text. Little-endian: u16 version, u16 bits (1 kubelet healthy, 2 containerd healthy), u32 zero, then f64 in the order below.
import type { Heartbeat } from '../messages/control.ts';

const heartbeatVersion = 1;
export const heartbeatBytes = 8 + 11 * 8;

export function encodeHeartbeat(heartbeat: Heartbeat): Uint8Array {
  const bytes = new Uint8Array(heartbeatBytes);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, heartbeatVersion, true);
  view.setUint16(2, (heartbeat.kubeletHealthy ? 1 : 0) | (heartbeat.containerdHealthy ? 2 : 0), true);
  const values = [
    heartbeat.sentAtMs,
    heartbeat.uptimeSeconds,
    heartbeat.load1,
    heartbeat.cpuUsedRatio,
    heartbeat.memoryTotalBytes,
    heartbeat.memoryAvailableBytes,
    heartbeat.diskFreeBytes,
    heartbeat.ring.produced,
    heartbeat.ring.acknowledged,
    heartbeat.ring.pending,
    heartbeat.ring.lost,
  ];
  for (const [index, value] of values.entries()) view.setFloat64(8 + index * 8, value, true);
  return bytes;
}

/**
 * Whether the bytes are a heartbeat all of whose numbers are finite; a later release may add values behind these. Makes no
 * object: a gateway asks it for each that comes.
 */
export function isHeartbeat(bytes: Uint8Array): boolean {
  if (bytes.length < heartbeatBytes || bytes[0] !== heartbeatVersion || bytes[1] !== 0) return false;
  for (let offset = 8; offset < heartbeatBytes; offset += 8) {
    // All bits of the exponent: infinite, or no number.
    if (((bytes[offset + 7] ?? 0) & 0x7f) === 0x7f && (bytes[offset + 6] ?? 0) >= 0xf0) return false;
  }
  return true;
}

/** undefined when the bytes are no heartbeat. */
export function decodeHeartbeat(bytes: Uint8Array): Heartbeat | undefined {
  if (!isHeartbeat(bytes)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bits = view.getUint16(2, true);
  const at = (index: number) => view.getFloat64(8 + index * 8, true);
  return {
    sentAtMs: at(0),
    uptimeSeconds: at(1),
    load1: at(2),
    cpuUsedRatio: at(3),
    memoryTotalBytes: at(4),
    memoryAvailableBytes: at(5),
    diskFreeBytes: at(6),
    kubeletHealthy: (bits & 1) !== 0,
    containerdHealthy: (bits & 2) !== 0,
    ring: { produced: at(7), acknowledged: at(8), pending: at(9), lost: at(10) },
  };
}
