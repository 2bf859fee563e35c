// A bounded source and a bounded sink of bytes, for an estimate of the line's throughput: with a ticket only,
// so many bytes an address, so many transfers at once, and all together at a limited rate.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { transferLimitBytes } from '../../protocol/line/session.ts';
import { TokenBucket, TokenBuckets } from '../../protocol/rate/token-bucket.ts';
import { network } from '../resources/address.ts';
import { lineLimits } from './limits.ts';

const chunkBytes = 64 * 1024;

export class Transfers {
  readonly #now: () => number;
  readonly #timeoutMs: number;
  readonly #perAddress = new TokenBuckets(lineLimits.transferBytes, lineLimits.rememberedAddresses);
  readonly #total: TokenBucket;
  /** Not random: nothing compresses on the way, since everything is inside TLS. */
  readonly #chunk = Buffer.alloc(chunkBytes);
  /** Address → how many; one entry each as long as there is one. */
  readonly #running = new Map<string, number>();

  constructor(now: () => number, timeoutMs: number = lineLimits.transferTimeoutMs) {
    this.#now = now;
    this.#timeoutMs = timeoutMs;
    this.#total = new TokenBucket(lineLimits.totalTransferBytes, now());
  }

  get running(): number {
    return [...this.#running.values()].reduce((total, count) => total + count, 0);
  }

  /** Answers with `bytes` zeros, or as many as fit into the time. */
  async source(address: string, bytes: number, response: ServerResponse): Promise<void> {
    await this.#run(address, bytes, async (signal) => {
      response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes });
      for (let left = bytes; left > 0 && !response.destroyed; ) {
        const size = Math.min(left, chunkBytes);
        await this.#turn(size, signal);
        if (!response.write(this.#chunk.subarray(0, size))) await drained(response, signal);
        left -= size;
      }
      response.end();
    });
  }

  /** Takes the body and throws it away; bytes and the time from the first to the last of them. */
  sink(
    address: string,
    bytes: number,
    request: IncomingMessage,
  ): Promise<{ bytes: number; milliseconds: number }> {
    return this.#run(address, bytes, async (signal) => {
      let taken = 0;
      let firstMs: number | undefined;
      const stop = () => request.destroy();
      signal.addEventListener('abort', stop, { once: true });
      try {
        for await (const chunk of request as AsyncIterable<Buffer>) {
          firstMs ??= performance.now();
          taken += chunk.length;
          if (taken > bytes) throw new Fault('REQUEST_TOO_LARGE', { limitBytes: bytes });
          await this.#turn(chunk.length, signal);
        }
      } finally {
        signal.removeEventListener('abort', stop);
      }
      return { bytes: taken, milliseconds: performance.now() - (firstMs ?? performance.now()) };
    });
  }

  async #run<T>(address: string, bytes: number, move: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (!Number.isInteger(bytes) || bytes <= 0 || bytes > transferLimitBytes) {
      throw new Fault('REQUEST_TOO_LARGE', { limitBytes: transferLimitBytes });
    }
    const now = this.#now();
    const from = network(address);
    // The place first: a refusal for want of it must not cost the address its bytes.
    const running = this.#running.get(from) ?? 0;
    if (running >= lineLimits.transfersAtOncePerAddress || this.running >= lineLimits.transfersAtOnce)
      throw new Fault('LINE_BUSY', { address, seconds: 5 });
    if (!this.#perAddress.take(from, bytes, now)) {
      const seconds = this.#perAddress.waitSeconds(from, bytes, now);
      throw new Fault('LINE_BUSY', { address, seconds });
    }
    this.#running.set(from, running + 1);
    const signal = AbortSignal.timeout(this.#timeoutMs);
    try {
      return await move(signal);
    } catch (cause) {
      if (!signal.aborted || cause instanceof Fault) throw cause;
      const values = { address, seconds: this.#timeoutMs / 1000 };
      throw new Fault('LINE_TRANSFER_TIMED_OUT', values, { cause });
    } finally {
      const left = (this.#running.get(from) ?? 1) - 1;
      if (left > 0) this.#running.set(from, left);
      else this.#running.delete(from);
    }
  }

  /** Waits until all transfers together may move so many bytes more. */
  async #turn(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (!this.#total.take(bytes, this.#now())) {
      await sleep(Math.max(1, this.#total.waitMs(bytes, this.#now())), undefined, { signal });
    }
  }
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const failed = () => reject(new Error('the peer went away, or was too slow'));
  response.once('drain', resolve).once('close', failed);
  signal.addEventListener('abort', failed, { once: true });
  return promise.finally(() => {
    response.off('drain', resolve).off('close', failed);
    signal.removeEventListener('abort', failed);
  });
}
