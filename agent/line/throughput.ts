// An estimate of what the line carries, with a bounded number of bytes: more and more until a transfer takes
// long enough to be believed. The last one counts; the first ones only opened TCP's window.
import type { GatewayLine, Transfer } from './gateway-line.ts';
import { rounded } from './statistics.ts';

const stepsBytes = [256 * 1024, 2 * 1024 * 1024, 8 * 1024 * 1024];
/** Long enough to be believed; a larger step would only cost more. */
const enoughMs = 400;
const limitMs = 3000;

export interface Throughput {
  readonly downMbps: number;
  readonly upMbps: number;
  /** What the estimate has cost, both ways. */
  readonly bytes: number;
}

export async function measureThroughput(line: GatewayLine): Promise<Throughput> {
  const down = await growing((bytes) => line.download(bytes, limitMs));
  const up = await growing((bytes) => line.upload(bytes));
  return { downMbps: down.mbps, upMbps: up.mbps, bytes: down.bytes + up.bytes };
}

async function growing(move: (bytes: number) => Promise<Transfer>): Promise<{ mbps: number; bytes: number }> {
  let [mbps, bytes] = [0, 0];
  for (const step of stepsBytes) {
    const moved = await move(step);
    bytes += moved.bytes;
    mbps = rounded((moved.bytes * 8) / 1000 / Math.max(moved.milliseconds, 0.1));
    if (moved.milliseconds >= enoughMs) break;
  }
  return { mbps, bytes };
}
