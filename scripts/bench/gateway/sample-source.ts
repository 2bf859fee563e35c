// What one node's collectors would send in a round: 30 series groups of 10 columns, described once, then one
// record each, in one batch in sequence. The bytes are made as the ring lays them out.
import type { TelemetryChannel } from '../../../protocol/messages/session.ts';
import { batchFlag, encodeBatchHeader } from '../../../protocol/telemetry/batch.ts';
import { descriptionRecord, encodeDescription } from '../../../protocol/telemetry/description.ts';
import { columnBytes, recordClass, recordHeaderBytes } from '../../../protocol/telemetry/record.ts';

const groupsPerNode = 30;
const columnsPerGroup = 10;
export const samplesPerRound = groupsPerNode * columnsPerGroup;

const recordBytes = recordHeaderBytes + columnsPerGroup * columnBytes;
const intervalMs = 3_600_000;
/** The same for all nodes, as it is for hosts of one kind. */
const descriptions = Buffer.concat(
  Array.from({ length: groupsPerNode }, (_, group) =>
    descriptionRecord(
      group + 1,
      encodeDescription({
        family: `family_${group % 10}`,
        intervalMs,
        labels: { device: `device-${group}` },
        columns: Array.from({ length: columnsPerGroup }, (_unused, column) => ({
          name: `regnode_bench_${group % 10}_${column}_total`,
          type: 'counter' as const,
        })),
      }),
    ),
  ),
);

export class SampleSource {
  readonly #channel: Pick<TelemetryChannel, 'sendBatch'>;
  readonly #epoch: number;
  readonly #nowMs: () => number;
  #sequence = 1;

  constructor(name: string, channel: Pick<TelemetryChannel, 'sendBatch'>, nowMs = () => 1) {
    this.#channel = channel;
    this.#nowMs = nowMs;
    this.#epoch = 1 + Number(name.replace(/\D/g, ''));
  }

  /** One round; skipped, and so never counted, when the tunnel has no room. */
  send(): void {
    if (this.#sequence === 1) this.#ship(descriptions, groupsPerNode, batchFlag.description);
    const records = Buffer.alloc(groupsPerNode * recordBytes);
    for (let group = 0; group < groupsPerNode; group += 1) {
      const at = group * recordBytes;
      records.writeInt32LE(recordBytes, at);
      records.writeUInt32LE((this.#sequence + group) >>> 0, at + 4);
      records.writeUInt16LE(group + 1, at + 8);
      records.writeUInt8(recordClass.metric, at + 10);
      for (let column = 0; column < columnsPerGroup; column += 1) {
        records.writeDoubleLE(this.#sequence, at + recordHeaderBytes + column * columnBytes);
      }
    }
    if (this.#ship(records, groupsPerNode, 0)) this.#sequence += groupsPerNode;
  }

  #ship(records: Uint8Array, count: number, flags: number): boolean {
    const header = encodeBatchHeader(
      { epoch: this.#epoch, firstSequence: this.#sequence, count, timeBaseMs: this.#nowMs(), flags },
      records,
    );
    return this.#channel.sendBatch([header, records], () => {});
  }
}
