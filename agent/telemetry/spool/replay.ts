// Sends what lies on the disk, oldest first, one block at a time and no faster than the limit, beside the
// live records. A block is done when the gateway has acknowledged it; until then it is sent again.
import { setTimeout as wait } from 'node:timers/promises';
import type { TelemetryChannel } from '../../../protocol/messages/session.ts';
import { type Acknowledgement, decodeAcknowledgement } from '../../../protocol/telemetry/acknowledgement.ts';
import { batchFlag, encodeBatchHeader } from '../../../protocol/telemetry/batch.ts';
import {
  lossColumn,
  lossRecordBytes,
  recordClass,
  recordHeaderBytes,
} from '../../../protocol/telemetry/record.ts';
import type { SpoolLoss } from './cursor.ts';
import { type Block, isDescription } from './segment.ts';
import type { SpoolStore } from './store.ts';

export interface ReplayOptions {
  readonly store: SpoolStore;
  readonly channel: TelemetryChannel;
  readonly liveEpoch: () => number;
  /** A block was acknowledged. */
  readonly done: (block: Block) => void;
  readonly bytesPerSecond: number;
  readonly acknowledgementTimeoutMs: number;
  readonly idleMs: number;
}

export class Replay {
  readonly #options: ReplayOptions;
  #awaited:
    | { epoch: number; nextSequence: number; answered: (answer: Acknowledgement | undefined) => void }
    | undefined;

  constructor(options: ReplayOptions) {
    this.#options = options;
    options.channel.onAcknowledgement((payload) => this.#onAcknowledgement(decodeAcknowledgement(payload)));
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const pauseMs = await this.#step(signal).catch(() => this.#options.idleMs);
      await wait(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** After a new session: what was on its way may be lost with the old one. */
  resend(): void {
    this.#awaited?.answered(undefined);
  }

  /** One block, or one loss; returns how long to wait before the next. */
  async #step(signal: AbortSignal): Promise<number> {
    const { store, idleMs, liveEpoch } = this.#options;
    const block = await store.next(liveEpoch());
    const loss =
      block === undefined
        ? store.losses.outside(store.epochs(liveEpoch()))
        : isDescription(block.batch)
          ? undefined
          : store.losses.before(block.batch.epoch, block.batch.firstSequence);
    if (loss !== undefined) {
      if (block !== undefined) store.finish(block, false);
      return this.#tell(loss, signal);
    }
    if (block === undefined) return idleMs;
    let isDone = false;
    try {
      isDone = isDescription(block.batch)
        ? this.#send([block.bytes])
        : await this.#deliver([block.bytes], block.batch, signal);
    } finally {
      store.finish(block, isDone);
    }
    if (!isDone) return idleMs;
    if (!isDescription(block.batch)) {
      store.acknowledge(block.batch.epoch, block.batch.nextSequence);
      this.#options.done(block);
    }
    return (block.bytes.byteLength / this.#options.bytesPerSecond) * 1000;
  }

  async #tell(loss: SpoolLoss, signal: AbortSignal): Promise<number> {
    const batch = lossBatch(loss);
    const nextSequence = loss.first + loss.count;
    if (!(await this.#deliver(batch, { epoch: loss.epoch, nextSequence }, signal)))
      return this.#options.idleMs;
    this.#options.store.acknowledge(loss.epoch, nextSequence);
    this.#options.store.losses.remove(loss);
    return 0;
  }

  #send(pieces: readonly Uint8Array[], dropped: () => void = () => undefined): boolean {
    return this.#options.channel.sendBatch(pieces, (error) => {
      if (error) dropped();
    });
  }

  /** True when the gateway has it; false when it has to be tried again. */
  async #deliver(
    pieces: readonly Uint8Array[],
    { epoch, nextSequence }: { epoch: number; nextSequence: number },
    signal: AbortSignal,
  ): Promise<boolean> {
    const answer = Promise.withResolvers<Acknowledgement | undefined>();
    this.#awaited = { epoch, nextSequence, answered: answer.resolve };
    if (!this.#send(pieces, () => answer.resolve(undefined))) return false;
    const patience = new AbortController();
    const stop = AbortSignal.any([signal, patience.signal]);
    const late = wait(this.#options.acknowledgementTimeoutMs, undefined, { signal: stop, ref: false });
    const result = await Promise.race([answer.promise, late.catch(() => undefined)]);
    patience.abort();
    this.#awaited = undefined;
    if (result?.verdict === 'wait') {
      await wait(result.waitMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
    return result?.verdict === 'accepted';
  }

  #onAcknowledgement(acknowledgement: Acknowledgement | undefined): void {
    const awaited = this.#awaited;
    if (acknowledgement === undefined || acknowledgement.epoch !== awaited?.epoch) return;
    const isAnswer =
      acknowledgement.verdict !== 'accepted' || acknowledgement.nextSequence >= awaited.nextSequence;
    if (isAnswer) awaited.answered(acknowledgement);
  }
}

/** A LOSS record in the place of the last one that it reports, as a batch of its own. */
function lossBatch({ epoch, first, count, reason }: SpoolLoss): Uint8Array[] {
  const record = Buffer.alloc(lossRecordBytes);
  record.writeInt32LE(lossRecordBytes, 0);
  record.writeUInt32LE((first + count - 1) % 2 ** 32, 4);
  record.writeUInt8(recordClass.loss, 10);
  const column = (index: number) => recordHeaderBytes + index * 8;
  record.writeDoubleLE(first % 2 ** 32, column(lossColumn.first));
  record.writeDoubleLE(count, column(lossColumn.count));
  record.writeDoubleLE(reason, column(lossColumn.reason));
  const firstSequence = first + count - 1;
  const flags = batchFlag.replay | batchFlag.resumed;
  return [encodeBatchHeader({ epoch, firstSequence, count: 1, timeBaseMs: 0, flags }, record), record];
}
