// What lies on the disk when the agent starts: every segment is read once, block by block, up to the first
// block that is not whole, and what is missing between it and the next segment of its epoch is a loss with a
// reason. It never refuses to start: a file that cannot be read at all is left out and counted.
import { lossReason } from '../../../protocol/telemetry/record.ts';
import type { SpoolDisk } from '../../host/spool-files.ts';
import { cursorFileName, decodeSlots, type SpoolCursor, type SpoolLoss, slotBytes } from './cursor.ts';
import { isDescription, parseSegmentFileName, readBlock, type Segment, segmentFileName } from './segment.ts';

export interface Recovered {
  readonly segments: Segment[];
  readonly cursor: SpoolCursor;
  readonly generation: number;
  readonly losses: readonly SpoolLoss[];
  /** Files that are damaged or cannot be read. */
  readonly damaged: number;
}

const emptyCursor: SpoolCursor = { ordinal: 0, offset: 0, acknowledged: [], losses: [] };

export async function recoverSpool(disk: SpoolDisk): Promise<Recovered> {
  const files = await disk.list();
  const slot = files.includes(cursorFileName) ? decodeSlots(await readCursorFile(disk)) : undefined;
  const cursor = slot?.cursor ?? emptyCursor;
  const segments: Segment[] = [];
  const cut: Segment[] = [];
  let damaged = 0;
  for (const name of files.map(parseSegmentFileName)) {
    if (name === undefined) continue;
    if (name.ordinal < cursor.ordinal) {
      await disk.remove(segmentFileName(name)).catch(() => undefined);
      continue;
    }
    const segment = { ...name, nextSequence: name.firstSequence, sizeBytes: 0 };
    const isWhole = await measure(disk, segment).catch(() => false);
    if (!isWhole) {
      damaged += 1;
      cut.push(segment);
    }
    segments.push(segment);
  }
  segments.sort((a, b) => a.ordinal - b.ordinal);
  return {
    segments,
    cursor,
    generation: slot?.generation ?? 0,
    losses: cut.flatMap((segment) => lossBehind(segment, segments, cursor)),
    damaged,
  };
}

/**
 * Fills in size and next sequence; false when it ends before the file does. Nothing is changed: a
 * second start finds the same.
 */
async function measure(disk: SpoolDisk, segment: Segment): Promise<boolean> {
  const file = await disk.open(segmentFileName(segment));
  try {
    for (;;) {
      const block = await readBlock(file, segment.sizeBytes);
      if (block === undefined) return true;
      if (block === 'damaged' || block.batch.epoch !== segment.epoch) return false;
      segment.sizeBytes = block.endOffset;
      if (!isDescription(block.batch)) segment.nextSequence = block.batch.nextSequence;
    }
  } finally {
    await file.close();
  }
}

/**
 * The hole up to the next segment of the same epoch; at the end of an epoch nobody
 * can tell how much was there.
 */
function lossBehind(segment: Segment, segments: readonly Segment[], cursor: SpoolCursor): SpoolLoss[] {
  const next = segments.find(({ ordinal, epoch }) => ordinal > segment.ordinal && epoch === segment.epoch);
  const acknowledged = new Map(cursor.acknowledged).get(segment.epoch) ?? 0;
  const first = Math.max(segment.nextSequence, acknowledged);
  const count = (next?.firstSequence ?? first) - first;
  return count > 0 ? [{ epoch: segment.epoch, first, count, reason: lossReason.spoolDamaged }] : [];
}

async function readCursorFile(disk: SpoolDisk): Promise<Uint8Array> {
  try {
    const file = await disk.open(cursorFileName);
    try {
      return await file.read(0, 2 * slotBytes);
    } finally {
      await file.close();
    }
  } catch {
    return new Uint8Array(0);
  }
}
