// The decoder: any split into pieces gives the same frames, and nothing that a peer can send gets past it as
// anything but a frame or a TUNNEL_FRAME_INVALID.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fault } from '../../../protocol/catalogue/fault.ts';
import { FrameDecoder } from '../../../protocol/tunnel/decoder.ts';
import { FrameType, frameRules, readHeader, writeHeader } from '../../../protocol/tunnel/frame.ts';
import { frameHeaderBytes, framePayloadLimitBytes } from '../../../protocol/tunnel/limits.ts';

interface Frame {
  type: FrameType;
  stream: number;
  aux: number;
  payload: Uint8Array;
}

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const frame: fc.Arbitrary<Frame> = fc.constantFrom(...Object.values(FrameType)).chain((type) => {
  const rule = frameRules[type];
  const minLength = rule?.payloadMinimumBytes ?? 0;
  const maxLength = Math.min(rule?.payloadLimitBytes ?? 0, 300);
  return fc.record({
    type: fc.constant(type),
    stream: rule?.scope === 'session' ? fc.constant(0) : fc.integer({ min: 1, max: 0xffff_ffff }),
    aux: u32,
    payload: fc.uint8Array({ minLength, maxLength }),
  });
});

function encode({ type, stream, aux, payload }: Frame): Buffer {
  const bytes = Buffer.alloc(frameHeaderBytes + payload.length);
  writeHeader(bytes, 0, payload.length, type, stream, aux);
  bytes.set(payload, frameHeaderBytes);
  return bytes;
}

function collect(): { decoder: FrameDecoder; frames: Frame[] } {
  const frames: Frame[] = [];
  const decoder = new FrameDecoder((type, stream, aux, payload) => {
    frames.push({ type: type as FrameType, stream, aux, payload: Uint8Array.from(payload) });
  });
  return { decoder, frames };
}

test('a header says what was written into it', () => {
  fc.assert(
    fc.property(frame, ({ type, stream, aux, payload }) => {
      const header = readHeader(encode({ type, stream, aux, payload }), 0);
      expect(header).toEqual({ payloadBytes: payload.length, type, stream, aux });
    }),
  );
});

test('any split of a message gives the same frames', () => {
  const cuts = fc.array(fc.nat({ max: 3000 }), { maxLength: 40 });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 12 }), cuts, (frames, at) => {
      const bytes = Buffer.concat(frames.map(encode));
      const edges = [0, ...at.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
      const { decoder, frames: decoded } = collect();
      decoder.message(edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge)));
      expect(decoded).toEqual(frames.map((sent) => ({ ...sent, payload: Uint8Array.from(sent.payload) })));
    }),
    { numRuns: 500 },
  );
});

test('a payload that lies in one piece is passed on as it lies, a full one too', () => {
  const bytes = encode({
    type: FrameType.data,
    stream: 1,
    aux: 0,
    payload: new Uint8Array(framePayloadLimitBytes),
  });
  let payload: Uint8Array | undefined;
  new FrameDecoder((_type, _stream, _aux, received) => {
    payload = received;
  }).message([bytes.subarray(0, frameHeaderBytes), bytes.subarray(frameHeaderBytes)]);
  expect(payload?.buffer).toBe(bytes.buffer);
  expect(payload?.length).toBe(framePayloadLimitBytes);
});

describe('mutated frames', () => {
  const frames = Number(process.env.TUNNEL_FUZZ_FRAMES ?? 200_000);

  test(`${frames} of them: a frame within its limits or a fault, and never more than one frame kept`, () => {
    const random = generator(20_261_122);
    let faults = 0;
    let passed = 0;
    let session = collectCounting();
    for (let count = 0; count < frames; count += 1) {
      const bytes = mutate(randomFrame(random), random);
      try {
        session.decoder.message(split(bytes, random));
      } catch (error) {
        if (!(error instanceof Fault) || error.code !== 'TUNNEL_FRAME_INVALID') throw error;
        faults += 1;
        passed += session.seen();
        session = collectCounting();
      }
    }
    expect(faults + passed + session.seen()).toBeGreaterThanOrEqual(frames);
    expect(faults).toBeGreaterThan(frames / 10);
    expect(passed).toBeGreaterThan(frames / 10);
  });
});

function collectCounting(): { decoder: FrameDecoder; seen(): number } {
  let seen = 0;
  const decoder = new FrameDecoder((type, stream, _aux, payload) => {
    const rule = frameRules[type];
    if (!rule || payload.length > rule.payloadLimitBytes || (rule.scope === 'session') !== (stream === 0)) {
      throw new Error(`a frame of type ${type} with ${payload.length} bytes on stream ${stream} got through`);
    }
    seen += 1;
  });
  return { decoder, seen: () => seen };
}

function randomFrame(random: () => number): Buffer {
  const types = Object.values(FrameType);
  const type = types[Math.floor(random() * types.length)] ?? FrameType.data;
  const rule = frameRules[type];
  const limit = Math.min(rule?.payloadLimitBytes ?? 0, random() < 0.01 ? framePayloadLimitBytes : 64);
  const payload = Buffer.alloc(Math.max(rule?.payloadMinimumBytes ?? 0, Math.floor(random() * (limit + 1))));
  const stream = rule?.scope === 'session' ? 0 : 1 + Math.floor(random() * 1000);
  return encode({ type, stream, aux: Math.floor(random() * 2 ** 32), payload });
}

function mutate(bytes: Buffer, random: () => number): Buffer {
  if (random() < 0.5) return bytes;
  const kind = random();
  if (kind < 0.6) {
    const at = Math.floor(random() * Math.min(bytes.length, frameHeaderBytes));
    bytes[at] = Math.floor(random() * 256);
    return bytes;
  }
  if (kind < 0.8) return bytes.subarray(0, Math.floor(random() * bytes.length));
  return Buffer.concat([bytes, Buffer.alloc(Math.floor(random() * 40), Math.floor(random() * 256))]);
}

function split(bytes: Buffer, random: () => number): Buffer[] {
  if (random() < 0.5) return [bytes];
  const at = Math.floor(random() * (bytes.length + 1));
  return [bytes.subarray(0, at), bytes.subarray(at)];
}

/** mulberry32: the same sequence every time. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
