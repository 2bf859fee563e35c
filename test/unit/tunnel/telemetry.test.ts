// Telemetry through a real tunnel: batches as they lie in shared memory, heartbeats as a latest value, and
// `sent` exactly once whatever happens.
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Loopback, reached, until } from './loopback.ts';

let loopback: Loopback;

beforeEach(async () => {
  loopback = await Loopback.start({ resumeWindowMs: 2000 });
});
afterEach(() => loopback.close());

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

function ring(bytes: number): Uint8Array {
  const view = new Uint8Array(new SharedArrayBuffer(bytes));
  for (let index = 0; index < bytes; index += 1) view[index] = index * 13 + (index >> 8);
  return view;
}

test('a batch of pieces of a ring arrives as one payload, and the ring is not touched', async () => {
  const received: Uint8Array[] = [];
  loopback.gateway.hub.onTelemetry((node, payload) => {
    expect(node).toBe('idc-1');
    received.push(payload);
  });
  const tunnel = await loopback.agent();
  const memory = ring(200_000);
  const before = digest(memory);
  const header = Buffer.from('forty bytes of header, say, or even less');
  const results: (Error | undefined | null)[] = [];
  const pieces = [memory.subarray(70_001, 100_000), memory.subarray(7, 30_000)];
  for (let count = 0; count < 3; count += 1) {
    expect(tunnel.telemetry.sendBatch([header, ...pieces], (error) => results.push(error))).toBe(true);
  }
  await until(() => received.length === 3 && results.length === 3);
  const expected = Buffer.concat([header, ...pieces.map((piece) => Buffer.from(piece))]);
  for (const payload of received) expect(expected.equals(payload)).toBe(true);
  expect(digest(memory)).toBe(before);
  expect(results.every((error) => !error)).toBe(true);
});

test('acknowledgements go back to the agent', async () => {
  const tunnel = await loopback.agent();
  const acknowledged: string[] = [];
  tunnel.telemetry.onAcknowledgement((payload) => acknowledged.push(Buffer.from(payload).toString()));
  loopback.gateway.hub.onTelemetry((node, payload) => {
    loopback.gateway.hub.acknowledgeTelemetry(node, Buffer.from(`${payload.length} bytes`));
  });
  tunnel.telemetry.sendBatch([Buffer.alloc(1000)], () => {});
  tunnel.telemetry.sendBatch([Buffer.alloc(2000)], () => {});
  await until(() => acknowledged.length === 2);
  expect(acknowledged).toEqual(['1000 bytes', '2000 bytes']);
});

test('over budget or not connected: false, and nothing is queued', async () => {
  const stop = new AbortController();
  const tunnel = await loopback.agent('idc-1', { signal: stop.signal });
  expect(() => tunnel.telemetry.sendBatch([Buffer.alloc(70_000)], () => {})).toThrow(
    'allowed are 1 to 65536',
  );
  let sent = 0;
  let accepted = 0;
  while (tunnel.telemetry.sendBatch([Buffer.alloc(60_000)], () => sent++)) accepted += 1;
  expect(accepted).toBe(4);
  await until(() => sent === accepted);
  stop.abort();
  expect(tunnel.telemetry.sendBatch([Buffer.alloc(1)], () => sent++)).toBe(false);
  expect(sent).toBe(accepted);
});

test('a killed connection: every accepted batch is told once, and the next ones go out again', async () => {
  const tunnel = await loopback.agent();
  const told = new Map<number, number>();
  let batches = 0;
  const fill = () => {
    for (let more = true; more; ) {
      const batch = batches;
      more = tunnel.telemetry.sendBatch([Buffer.alloc(50_000)], () =>
        told.set(batch, (told.get(batch) ?? 0) + 1),
      );
      if (more) batches += 1;
    }
  };
  for (let count = 1; count <= 3; count += 1) {
    fill();
    loopback.gateway.sockets.at(-1)?.resetAndDestroy();
    fill();
    await until(() => loopback.gateway.hub.figures.resumptions === count);
    await reached(tunnel, 'Open');
  }
  await until(() => told.size === batches);
  expect([...told.values()].every((times) => times === 1)).toBe(true);
});

test('of the heartbeats that were set while there was no way, only the latest is sent', async () => {
  const beats: string[] = [];
  loopback.gateway.hub.onHeartbeat((_node, payload) => beats.push(Buffer.from(payload).toString()));
  const tunnel = await loopback.agent();
  tunnel.telemetry.setHeartbeat(Buffer.from('first'));
  await until(() => beats.length === 1);
  loopback.gateway.sockets.at(-1)?.resetAndDestroy();
  await reached(tunnel, 'Resuming');
  for (let count = 0; count < 10; count += 1) tunnel.telemetry.setHeartbeat(Buffer.from(`beat ${count}`));
  await until(() => beats.length === 2);
  expect(beats).toEqual(['first', 'beat 9']);
});

test('control messages arrive once and in order over a cut, in both directions', async () => {
  const tunnel = await loopback.agent();
  const session = loopback.gateway.hub.session('idc-1');
  const reasons: string[] = [];
  const details: string[] = [];
  tunnel.onControl((message) => message.kind === 'leave' && reasons.push(message.reason));
  session?.onControl((message) => message.kind === 'report' && details.push(message.detail));
  for (let count = 0; count < 30; count += 1) {
    if (count === 10) loopback.gateway.sockets.at(-1)?.resetAndDestroy();
    session?.sendControl({ kind: 'leave', reason: `${count}` });
    tunnel.sendControl({ kind: 'report', phase: 'Running', revision: '', versions: {}, detail: `${count}` });
    await new Promise((resolve) => setImmediate(resolve));
  }
  const expected = Array.from({ length: 30 }, (_, count) => `${count}`);
  await until(() => reasons.length >= 30 && details.length >= 30);
  expect(reasons).toEqual(expected);
  expect(details).toEqual(expected);
});
