// The descriptions that are in force, as the shipper saw them pass in the ring. A new session
// begins with all of them, in batches of their own, so a gateway that has just started can read
// what lies in the ring from before.
import {
  type BatchHeader,
  batchFlag,
  batchHeaderBytes,
  batchLimitBytes,
  encodeBatchHeader,
} from '../../../protocol/telemetry/batch.ts';
import { descriptionRecord } from '../../../protocol/telemetry/description.ts';
import { recordClass } from '../../../protocol/telemetry/record.ts';
import type { RecordVisitor } from '../ring/consumer.ts';

export class Descriptions implements RecordVisitor {
  readonly recordClass = recordClass.schema;
  readonly #records = new Map<number, Uint8Array>();

  /** Called while the ring is walked; may see the same record again. */
  visit(schema: number, payload: Uint8Array): void {
    const copy = payload.slice();
    if (isRetirement(copy)) this.#records.delete(schema);
    else this.#records.set(schema, descriptionRecord(schema, copy));
  }

  get size(): number {
    return this.#records.size;
  }

  /** Batches that hold all of them, each as pieces for the tunnel or the spool. */
  batches(epoch: number, flags = 0): Uint8Array[][] {
    const room = batchLimitBytes - batchHeaderBytes;
    const groups: Uint8Array[][] = [];
    let bytes = room;
    for (const record of this.#records.values()) {
      if (bytes + record.byteLength > room) {
        groups.push([]);
        bytes = 0;
      }
      groups.at(-1)?.push(record);
      bytes += record.byteLength;
    }
    return groups.map((records) => [header(epoch, flags, records), ...records]);
  }
}

function header(epoch: number, flags: number, records: readonly Uint8Array[]): Uint8Array {
  const fields: BatchHeader = {
    epoch,
    firstSequence: 0,
    count: records.length,
    timeBaseMs: 0,
    flags: batchFlag.description | flags,
  };
  return encodeBatchHeader(fields, Buffer.concat(records));
}

function isRetirement(payload: Uint8Array): boolean {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).includes('"columns":[]');
}
