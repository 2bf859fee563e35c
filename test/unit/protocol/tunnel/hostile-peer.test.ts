// A peer that breaks the rules, one rule at a time: what it may cost, what is closed, and what goes on.
import { describe, expect, test } from 'vitest';
import { FrameType, ResetReason } from '../../../../protocol/tunnel/frame.ts';
import { CloseCode } from '../../../../protocol/tunnel/transport.ts';
import { encodeFrame, RawAgent } from '../../../property/tunnel/raw-peer.ts';
import { Recorder } from '../../../property/tunnel/simulation.ts';

const text = (value: unknown) => Buffer.from(JSON.stringify(value));
const openPayload = text({ target: 'kubelet', reason: '' });

function established(limits = {}): RawAgent {
  return new RawAgent(limits).hello();
}

/** The same with one other byte. */
function patched(bytes: Buffer, at: number, value: number): Buffer {
  bytes[at] = value;
  return bytes;
}

function withOpenStream(limits = {}): { peer: RawAgent; stream: Recorder; id: number } {
  const peer = established(limits);
  const stream = new Recorder();
  peer.session.open({ target: 'kubelet', reason: 'test' }, stream);
  peer.settle();
  const id = peer.framesOf(FrameType.open).at(-1)?.stream ?? 0;
  peer.say(encodeFrame(FrameType.openOk, id, 1000));
  return { peer, stream, id };
}

describe('before HELLO', () => {
  test('a client that never says it is closed', () => {
    const peer = new RawAgent();
    peer.clock.advance(peer.limits.helloTimeoutMs + 1);
    expect(peer.near.closing?.code).toBe(CloseCode.helloTimeout);
    peer.settle();
    expect(peer.failure).toBe('no-hello');
    expect(peer.session.state).toBe('Connecting');
  });

  test.each([
    [
      'another frame first',
      'frame-order',
      encodeFrame(FrameType.control, 0, 0, text({ kind: 'leave', reason: '' })),
    ],
    ['no JSON', 'payload', encodeFrame(FrameType.hello, 0, 0, Buffer.from('{"version":'))],
    ['another version', 'version', encodeFrame(FrameType.hello, 0, 0, text({ version: 99 }))],
    [
      'no epoch',
      'payload',
      encodeFrame(
        FrameType.hello,
        0,
        0,
        text({ version: 1, instance: 'a'.repeat(32), session: '', received: 0 }),
      ),
    ],
  ])('%s ends the connection', (_name, kind, bytes) => {
    const peer = new RawAgent();
    peer.say(bytes);
    peer.settle();
    expect(peer.failed).toContain('broke the tunnel protocol');
    expect(peer.failure).toBe(kind);
    expect(peer.near.closed).toBe(true);
    expect(peer.session.state).toBe('Connecting');
  });
});

describe('ends the session', () => {
  test.each([
    ['a second HELLO', 'frame-order', encodeFrame(FrameType.hello, 0, 0, text({ version: 1 }))],
    ['a type that nobody knows', 'frame-type', patched(encodeFrame(FrameType.ping), 4, 200)],
    ['flags that are not zero', 'frame-header', patched(encodeFrame(FrameType.ping), 5, 1)],
    ['PING with a payload', 'frame-size', patched(encodeFrame(FrameType.ping), 0, 1)],
    ['half a frame', 'frame-size', encodeFrame(FrameType.data, 1, 0, text('whole')).subarray(0, 20)],
    [
      'DATA on a stream that never was',
      'stream-number',
      encodeFrame(FrameType.data, 77, 0, Buffer.from('x')),
    ],
    ['OPEN with a number of the other side', 'stream-number', encodeFrame(FrameType.open, 3, 0, openPayload)],
    ['DRAIN from an agent', 'frame-order', encodeFrame(FrameType.drain, 0, 1)],
    ['an acknowledgement of what was never sent', 'acknowledgement', encodeFrame(FrameType.ack, 0, 5)],
    ['CONTROL that is no message', 'payload', encodeFrame(FrameType.control, 0, 0, text({ kind: 'leave' }))],
    ['OPEN that is no JSON', 'payload', encodeFrame(FrameType.open, 2, 0, Buffer.from('kubelet'))],
  ])('%s', (_name, kind, bytes) => {
    const peer = established();
    peer.say(bytes);
    expect(peer.kinds).toEqual([kind]);
    expect(peer.session.state).toBe('Closed');
    expect(peer.near.closing?.code).toBe(CloseCode.protocol);
  });

  test('a stream number that is used twice', () => {
    const peer = established();
    peer.say(encodeFrame(FrameType.open, 2, 0, openPayload), encodeFrame(FrameType.open, 2, 0, openPayload));
    expect(peer.session.state).toBe('Closed');
  });

  test('more mistakes than are forgiven', () => {
    const { peer } = withOpenStream({ violations: 3 });
    for (let id = 2; id <= 10; id += 2) {
      peer.say(encodeFrame(FrameType.open, id, 0, openPayload), encodeFrame(FrameType.openOk, id, 0));
    }
    expect(peer.session.state).toBe('Closed');
    expect(peer.kinds).toEqual([...Array<string>(4).fill('stream-state'), 'mistakes']);
  });

  test('what still arrives after that is not looked at', () => {
    const peer = established();
    peer.say(encodeFrame(FrameType.drain, 0, 1));
    peer.say(encodeFrame(FrameType.drain, 0, 1));
    expect(peer.violations).toHaveLength(1);
  });
});

describe('ends only the stream', () => {
  test.each([
    [
      'DATA beyond its credit',
      'credit',
      (id: number) => encodeFrame(FrameType.data, id, 0, Buffer.alloc(2000)),
      { streamCreditBytes: 1999, streamCreditFloorBytes: 100 },
    ],
    ['a second OPEN_OK', 'stream-state', (id: number) => encodeFrame(FrameType.openOk, id, 0), {}],
    [
      'OPEN_ERR on an open stream',
      'stream-state',
      (id: number) => encodeFrame(FrameType.openErr, id, 0, text({ code: 'X' })),
      {},
    ],
  ])('%s', (_name, kind, frameOf, limits) => {
    const { peer, stream, id } = withOpenStream(limits);
    const other = new Recorder();
    peer.session.open({ target: 'kubelet', reason: 'test' }, other);
    peer.settle();
    const otherId = peer.framesOf(FrameType.open).at(-1)?.stream ?? 0;
    peer.say(encodeFrame(FrameType.openOk, otherId, 1000), frameOf(id));
    peer.say(encodeFrame(FrameType.data, otherId, 0, Buffer.from('still here')));
    peer.settle();
    expect(stream.outcome).toBe('reset');
    expect(peer.kinds).toEqual([kind]);
    expect(peer.framesOf(FrameType.rst)).toMatchObject([{ stream: id, aux: ResetReason.protocol }]);
    expect(other.received.toString()).toBe('still here');
    expect(peer.session.state).toBe('Open');
  });

  test('DATA after FIN', () => {
    const { peer, stream, id } = withOpenStream();
    peer.say(encodeFrame(FrameType.fin, id), encodeFrame(FrameType.data, id, 0, Buffer.from('late')));
    expect(stream.outcome).toBe('reset');
    expect(peer.session.state).toBe('Open');
  });

  test('frames for a stream that has ended were on their way and are ignored', () => {
    const { peer, id } = withOpenStream();
    peer.say(encodeFrame(FrameType.rst, id, 1));
    for (const type of [FrameType.data, FrameType.window, FrameType.fin, FrameType.rst]) {
      peer.say(encodeFrame(type, id, 0, type === FrameType.data ? Buffer.from('late') : undefined));
    }
    expect(peer.violations).toEqual([]);
    expect(peer.session.state).toBe('Open');
  });
});

describe('is held in bounds', () => {
  test('streams beyond the limit are refused, the others go on', () => {
    const peer = established({ streams: 10 });
    for (let count = 1; count <= 25; count += 1)
      peer.say(encodeFrame(FrameType.open, count * 2, 0, openPayload));
    peer.settle();
    expect(peer.session.figures).toMatchObject({ streams: 10, streamsRefusedForLimit: 15 });
    expect(peer.framesOf(FrameType.openErr)).toHaveLength(15);
    expect(peer.framesOf(FrameType.openErr)[0]?.payload.toString()).toContain('TUNNEL_STREAM_LIMIT');
  });

  test('a peer that opens streams without end and acknowledges nothing ends its own session', () => {
    const peer = established({ streams: 10, controlFrames: 100, unacknowledgedBytes: 5000 });
    for (let count = 1; count <= 1000 && peer.session.state === 'Open'; count += 1) {
      peer.say(encodeFrame(FrameType.open, count * 2, 0, openPayload));
      peer.settle();
    }
    expect(peer.session.state).toBe('Closed');
    expect(peer.kinds).toEqual(['unread']);
  });

  test('a peer that asks PING without end and reads nothing gets one answer in the queue', () => {
    const peer = established({ bufferedBytes: 100 });
    for (let count = 0; count < 10_000; count += 1) peer.say(encodeFrame(FrameType.ping, 0, count));
    expect(peer.near.bufferedBytes).toBeLessThan(300);
    peer.settle();
    expect(peer.framesOf(FrameType.pong).at(-1)?.aux).toBe(9999);
  });

  test('a peer that never acknowledges stops its own streams at the cap', () => {
    const { peer, stream, id } = withOpenStream({ unacknowledgedBytes: 10_000, streamCreditBytes: 4000 });
    peer.say(encodeFrame(FrameType.window, id, 1_000_000));
    for (let count = 0; count < 100; count += 1) stream.stream?.write(Buffer.alloc(1000));
    peer.settle();
    expect(peer.session.figures.unacknowledgedBytes).toBeLessThan(16_000);
    expect(peer.session.state).toBe('Open');
  });

  test('credit that overflows 32 bits in sum is still only credit', () => {
    const { peer, stream, id } = withOpenStream();
    for (let count = 0; count < 3; count += 1) peer.say(encodeFrame(FrameType.window, id, 0xffff_ffff));
    stream.stream?.write(Buffer.from('fine'));
    peer.settle();
    expect(peer.framesOf(FrameType.data)).toHaveLength(1);
  });
});
