// The spool on a real disk: records a second when blocks are synced in groups, as the spool does it, and when
// every record is synced by itself.
import { mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openSpoolDisk } from '../../../agent/host/spool-disk.ts';
import { SpoolStore } from '../../../agent/telemetry/spool/store.ts';
import { batchHeaderBytes, batchLimitBytes, encodeBatchHeader } from '../../../protocol/telemetry/batch.ts';

const recordBytes = 64;
const syncBytes = 1024 * 1024;

/** Records a second, synced. */
export async function measureGroupedSync(parent: string, records: number): Promise<number> {
  return inFolder(parent, async (folder) => {
    const store = await SpoolStore.open(openSpoolDisk(folder), { capBytes: 2 ** 40, freeFloorBytes: 0 });
    const block = Math.floor((batchLimitBytes - batchHeaderBytes) / recordBytes);
    const bytes = new Uint8Array(new SharedArrayBuffer(block * recordBytes));
    const startedMs = performance.now();
    let unsynced = 0;
    for (let first = 0; first < records; first += block) {
      const header = encodeBatchHeader(
        { epoch: 1, firstSequence: first, count: block, timeBaseMs: 0, flags: 0 },
        bytes,
      );
      const append = {
        epoch: 1,
        firstSequence: first,
        nextSequence: first + block,
        ringEnd: 0,
        pieces: [header, bytes],
      };
      await store.append(append, () => []);
      unsynced += bytes.byteLength;
      if (unsynced >= syncBytes) {
        await store.sync();
        unsynced = 0;
      }
    }
    await store.sync();
    const rate = records / ((performance.now() - startedMs) / 1000);
    await store.close(1);
    return rate;
  });
}

export async function measureSyncPerRecord(parent: string, records: number): Promise<number> {
  return inFolder(parent, async (folder) => {
    const file = await open(join(folder, 'records'), 'w');
    const record = Buffer.alloc(recordBytes);
    const startedMs = performance.now();
    for (let index = 0; index < records; index += 1) {
      await file.write(record);
      await file.datasync();
    }
    const rate = records / ((performance.now() - startedMs) / 1000);
    await file.close();
    return rate;
  });
}

async function inFolder(parent: string, work: (folder: string) => Promise<number>): Promise<number> {
  const folder = await mkdtemp(join(parent, 'regnode-spool-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
