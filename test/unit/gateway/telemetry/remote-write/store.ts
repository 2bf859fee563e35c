// A store that takes remote-write over real HTTP and can be told to be away, slow, or choosy. It decodes what
// it gets with a reader of its own, so that an encoder and a decoder with the same mistake can't agree.

import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { uncompress } from 'snappyjs';
import { background } from '../../../../../protocol/defect.ts';

export interface StoredSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly timestampMs: number;
  readonly value: number;
  /** All 64 bits. */
  readonly bits: bigint;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export class Store {
  readonly samples: StoredSample[] = [];
  readonly requests: { headers: http.IncomingHttpHeaders; samples: StoredSample[]; atMs: number }[] = [];
  /** What to say to a request; only 2xx is kept. */
  answer: (samples: readonly StoredSample[]) => Answer = () => ({ status: 204 });
  readonly #server = http.createServer((request, response) =>
    background('store', this.#take(request, response)),
  );

  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/api/v1/write`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  valuesOf(name: string): number[] {
    return this.samples.filter(({ labels }) => labels.__name__ === name).map(({ value }) => value);
  }

  async #take(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const samples = decodeWriteRequest(Buffer.from(uncompress(Buffer.concat(chunks))));
    this.requests.push({ headers: request.headers, samples, atMs: performance.now() });
    const { status, headers } = this.answer(samples);
    if (status < 300) this.samples.push(...samples);
    response.writeHead(status, headers).end(status < 300 ? '' : 'out of order sample\n');
  }
}

function decodeWriteRequest(bytes: Buffer): StoredSample[] {
  return fields(bytes).flatMap(({ content: timeSeries }) => {
    const parts = fields(timeSeries);
    const pairs = parts.filter(({ number }) => number === 1).map(({ content }) => fields(content));
    const labels = Object.fromEntries(pairs.map((pair) => pair.map(({ content }) => content.toString())));
    return parts
      .filter(({ number }) => number === 2)
      .map(({ content }) => {
        const [value, timestamp] = fields(content);
        const bits = value?.content.readBigUInt64LE() ?? 0n;
        return {
          labels: labels as Record<string, string>,
          timestampMs: Number(timestamp?.varint),
          value: value?.content.readDoubleLE() ?? 0,
          bits,
        };
      });
  });
}

interface Field {
  readonly number: number;
  readonly content: Buffer;
  readonly varint: bigint;
}

function fields(bytes: Buffer): Field[] {
  const found: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('cut off');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = tag >> 3;
    if ((tag & 7) === 0) {
      found.push({ number, content: Buffer.alloc(0), varint: varint() });
      continue;
    }
    const length = (tag & 7) === 1 ? 8 : Number(varint());
    if (at + length > bytes.length) throw new Error('cut off');
    found.push({ number, content: bytes.subarray(at, at + length), varint: 0n });
    at += length;
  }
  return found;
}
