// Over a real websocket, as a client that must mask: the bytes in the ring stay as they are, and what arrives
// is whole, also while the producer writes over what was freed.

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { createRing, headerBytes } from '../../../../agent/telemetry/ring/layout.ts';
import { RingProducer } from '../../../../agent/telemetry/ring/producer.ts';
import { Shipper } from '../../../../agent/telemetry/shipper/shipper.ts';
import type { TelemetryChannel } from '../../../../protocol/messages/session.ts';
import { encodeAcknowledgement } from '../../../../protocol/telemetry/acknowledgement.ts';
import { decodeBatch } from '../../../../protocol/telemetry/batch.ts';
import { RecordCursor } from '../../../../protocol/telemetry/cursor.ts';
import { recordClass } from '../../../../protocol/telemetry/record.ts';

vi.setConfig({ testTimeout: 30_000 });
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function connect(): Promise<{ client: WebSocket; server: WebSocketServer }> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    perMessageDeflate: false,
  });
  await once(client, 'open');
  closers.push(
    () => client.terminate(),
    () => server.close(),
  );
  return { client, server };
}

/** Every batch a message of its own, its pieces fragments; acknowledgements come back the same way. */
function channelOver(client: WebSocket): TelemetryChannel {
  return {
    sendBatch([header, records], sent) {
      if (header === undefined || records === undefined || client.bufferedAmount > 1 << 18) return false;
      client.send(header, { binary: true, fin: false });
      client.send(records, { binary: true, fin: true }, sent);
      return true;
    },
    setHeartbeat() {},
    onAcknowledgement(listener) {
      client.on('message', (payload: Buffer) => listener(payload));
    },
  };
}

test('masking never touches the ring, and no batch is torn while the ring goes round many times', async () => {
  const { client, server } = await connect();
  const memory = createRing({ capacityBytes: 1 << 16, epoch: 3 });
  const producer = new RingProducer(memory);
  const received: number[] = [];
  let refused = 0;
  for (const peer of server.clients) {
    peer.on('message', (data: Buffer) => {
      const batch = decodeBatch(data);
      if (batch.kind === 'refused') {
        refused += 1;
        return;
      }
      const cursor = new RecordCursor(batch.records);
      while (cursor.next()) {
        if (cursor.recordClass === recordClass.metric) received.push(cursor.column(0));
      }
      const { epoch, nextSequence } = batch;
      peer.send(encodeAcknowledgement({ epoch, nextSequence, verdict: 'accepted', waitMs: 0 }));
    });
  }
  const abort = new AbortController();
  const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };
  const shipper = new Shipper({ memory, channel: channelOver(client), clock, startMs: 0 });
  const running = shipper.run(abort.signal);

  // One batch first: what was sent must still lie there as it was written.
  const first = producer.begin(recordClass.metric, 1, 0, 6);
  producer.columns.fill(0, first, first + 6);
  const before = Buffer.from(new Uint8Array(memory, headerBytes, 64)).toString('hex');
  producer.publish();
  await vi.waitFor(() => expect(shipper.account().acknowledged).toBe(1), { timeout: 10_000 });
  expect(Buffer.from(new Uint8Array(memory, headerBytes, 64)).toString('hex')).toBe(before);

  let written = 1;
  const expected = [0];
  while (expected.length < 20_000) {
    for (let index = 0; index < 200; index += 1) {
      const at = producer.begin(recordClass.metric, 1, 0, 6);
      if (at >= 0) {
        producer.columns.fill(written, at, at + 6);
        expected.push(written);
      }
      written += 1;
    }
    producer.publish();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await vi.waitFor(() => expect(shipper.account().pending).toBe(0), { timeout: 10_000 });
  expect(refused).toBe(0);
  expect(received).toEqual(expected);
  const { produced, acknowledged, lost } = shipper.account();
  expect(produced).toBe(acknowledged + lost);
  abort.abort();
  await running;
});
