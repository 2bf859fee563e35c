// Packed batches on a connection: agreed on in HELLO, begun anew with each connection, and what
// cannot be unpacked ends it.
import { describe, expect, test } from 'vitest';
import { batchFlag, batchHeaderBytes, encodeBatchHeader } from '../../../../protocol/telemetry/batch.ts';
import { recordHeaderBytes } from '../../../../protocol/telemetry/record.ts';
import { ByteWriter } from '../../../../protocol/telemetry/varint.ts';
import { FrameType } from '../../../../protocol/tunnel/frame.ts';
import { gatewayHelloSchema } from '../../../../protocol/tunnel/messages.ts';
import { packedBytesPerSecond, unpackedLimits } from '../../../../protocol/tunnel/paced-packer.ts';
import { CloseCode } from '../../../../protocol/tunnel/transport.ts';
import { encodeFrame, RawAgent } from '../../../property/tunnel/raw-peer.ts';
import { Simulation } from '../../../property/tunnel/simulation.ts';

const columns = 50;

function round(sequence: number, flags = 0, records = 8): [Uint8Array, Uint8Array] {
  const bytes = Buffer.alloc(records * (16 + columns * 8));
  for (let record = 0; record < records; record += 1) {
    const at = record * (16 + columns * 8);
    bytes.writeInt32LE(16 + columns * 8, at);
    bytes.writeUInt32LE(sequence + record, at + 4);
    bytes.writeUInt16LE(record + 1, at + 8);
    bytes.writeUInt8(1, at + 10);
    for (let column = 0; column < columns; column += 1) {
      bytes.writeDoubleLE((sequence * (column + 1)) / 100, at + 16 + column * 8);
    }
  }
  return [
    encodeBatchHeader({ epoch: 9, firstSequence: sequence, count: records, timeBaseMs: 5, flags }, bytes),
    bytes,
  ];
}

/** What arrives at the gateway, and what it weighed on the way. */
function connected(): { simulation: Simulation; arrived: Buffer[]; ship: (pieces: Uint8Array[]) => number } {
  const arrived: Buffer[] = [];
  const simulation = new Simulation({}, { onTelemetry: (payload) => arrived.push(Buffer.from(payload)) });
  simulation.connect();
  simulation.settle();
  const ship = (pieces: Uint8Array[]) => {
    const before = simulation.link?.gateway.receivedBytes ?? 0;
    let sent: string | undefined;
    const isTaken = simulation.agent.telemetry.sendBatch(pieces, (error) => {
      sent = error ? error.message : '';
    });
    simulation.settle();
    expect([isTaken, sent]).toEqual([true, '']);
    return (simulation.link?.gateway.receivedBytes ?? 0) - before;
  };
  return { simulation, arrived, ship };
}

test('a batch arrives to the bit, the second time for a fraction', () => {
  const { arrived, ship } = connected();
  const rounds = [round(0), round(8), round(16)];
  const weights = rounds.map(ship);
  expect(arrived.map((bytes) => bytes.toString('hex'))).toEqual(
    rounds.map((pieces) => Buffer.concat(pieces).toString('hex')),
  );
  expect(weights[2]).toBeLessThan(Buffer.concat(round(16)).length / 3);
});

test('a new connection begins with nothing remembered at either end', () => {
  const { simulation, arrived, ship } = connected();
  for (const sequence of [0, 8]) ship(round(sequence));
  simulation.cut();
  simulation.connect();
  simulation.settle();
  const [first, second] = [ship(round(8)), ship(round(16))];
  expect(second).toBeLessThan(first);
  expect(arrived.at(-1)?.equals(Buffer.concat(round(16)))).toBe(true);
});

test('a batch under way when the connection is cut is told so, and is not half remembered', () => {
  const { simulation, arrived, ship } = connected();
  ship(round(0));
  const outcomes: (string | undefined)[] = [];
  simulation.agent.telemetry.sendBatch(round(8), (error) => outcomes.push(error?.message));
  simulation.clock.settle();
  simulation.cut();
  expect(outcomes).toHaveLength(1);
  expect(outcomes[0]).toBeDefined();
  simulation.connect();
  simulation.settle();
  ship(round(8));
  ship(round(16));
  expect(arrived.map((bytes) => bytes.readUInt32LE(8))).toEqual([0, 8, 16]);
});

describe('goes out as it lies', () => {
  test.each([
    ['a replay', round(0, batchFlag.replay)],
    ['descriptions', round(0, batchFlag.description)],
    ['what is no batch', [Buffer.from('x'.repeat(3000))]],
  ])('%s', (_name, pieces) => {
    const { arrived, ship } = connected();
    const bytes = Buffer.concat(pieces);
    ship(pieces);
    expect(ship(pieces)).toBeGreaterThan(bytes.length);
    expect(arrived.at(-1)?.equals(bytes)).toBe(true);
  });

  test('what is beyond the amount of a second', () => {
    const { simulation, arrived, ship } = connected();
    const size = Buffer.concat(round(0)).length;
    const weights: number[] = [];
    for (let count = 0; count * size <= packedBytesPerSecond; count += 1)
      weights.push(ship(round(8 * count)));
    expect(weights.at(-1)).toBeGreaterThan(size);
    expect(weights.at(-2)).toBeLessThan(size / 2);
    simulation.clock.advance(1000);
    expect(ship(round(8 * weights.length))).toBeLessThan(size / 2);
    expect(arrived).toHaveLength(weights.length + 1);
  });
});

test('a gateway says in its HELLO what it can read; one of before says nothing', () => {
  const peer = new RawAgent().hello();
  const hello = JSON.parse(peer.framesOf(FrameType.hello)[0]?.payload.toString() ?? '') as Record<
    string,
    unknown
  >;
  expect(hello.packing).toBe(1);
  const { packing: _, ...old } = hello;
  expect(gatewayHelloSchema.parse(old).packing).toBeUndefined();
});

test('what cannot be unpacked is a violation, and the connection ends', () => {
  const peer = new RawAgent().hello();
  peer.say(encodeFrame(FrameType.packedTelemetry, 0, 0, Buffer.from([2, 0, 1, 0, 0, 0, 1, 2, 3, 4, 200])));
  expect(peer.violations).toHaveLength(1);
  expect(peer.violations[0]).toContain('TELE_PACKED');
  expect(peer.near.closing?.code).toBe(CloseCode.protocol);
});

describe('a few bytes that are a large batch', () => {
  const records = 3400;
  /** Of no column: first one that is described, then a run of what is to be expected. */
  const bomb = (isFirst: boolean) => {
    const bytes = new ByteWriter(64);
    for (const number of [isFirst ? 10 : 0, 0, records]) bytes.unsigned(number);
    for (const number of [0, 0, 0]) bytes.signed(number);
    bytes.bytes(new Uint8Array(4));
    const described = isFirst ? 2 : 0;
    for (let count = 0; count < described; count += 1)
      for (const number of [5, 0, 0, 0]) bytes.unsigned(number);
    bytes.unsigned(2 * (records - described));
    return encodeFrame(FrameType.packedTelemetry, 0, 0, bytes.written());
  };
  const batchBytes = batchHeaderBytes + records * recordHeaderBytes;

  test('are unpacked as many as a packer may have sent, and then end the connection', () => {
    let unpacked = 0;
    const peer = new RawAgent({}, { onTelemetry: ({ length }) => (unpacked += length) }).hello();
    peer.say(bomb(true));
    expect([unpacked, peer.violations]).toEqual([batchBytes, []]);
    peer.say(...Array.from({ length: 1000 }, () => bomb(false)));
    expect(unpacked).toBeGreaterThan(unpackedLimits.burst - batchBytes);
    expect(unpacked).toBeLessThanOrEqual(unpackedLimits.burst);
    expect(peer.kinds).toEqual(['packed-telemetry']);
    expect(peer.near.closing?.code).toBe(CloseCode.protocol);
  });

  test('no faster than a packer sends: they go on', () => {
    const peer = new RawAgent().hello();
    peer.say(bomb(true));
    for (let second = 0; second < 120; second += 1) {
      for (let bytes = batchBytes; bytes <= packedBytesPerSecond; bytes += batchBytes) peer.say(bomb(false));
      peer.clock.advance(1000);
    }
    expect(peer.violations).toEqual([]);
  });
});

test('packed telemetry before HELLO ends the connection', () => {
  const peer = new RawAgent();
  peer.say(encodeFrame(FrameType.packedTelemetry, 0, 0, Buffer.from([1, 2, 3])));
  peer.settle();
  expect(peer.near.closed).toBe(true);
});
