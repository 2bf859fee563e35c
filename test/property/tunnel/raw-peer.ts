// A peer that says whatever the test wants: it speaks frames, and follows no rules.
import { FrameDecoder } from '../../../protocol/tunnel/decoder.ts';
import { FrameType, writeHeader } from '../../../protocol/tunnel/frame.ts';
import { answerHello, type HandshakeFailure } from '../../../protocol/tunnel/handshake.ts';
import { defaultLimits, frameHeaderBytes, type TunnelLimits } from '../../../protocol/tunnel/limits.ts';
import { encodeJson } from '../../../protocol/tunnel/messages.ts';
import { ReadingPace } from '../../../protocol/tunnel/reading-pace.ts';
import { Session } from '../../../protocol/tunnel/session.ts';
import type { SessionOptions } from '../../../protocol/tunnel/session-options.ts';
import { type ViolationKind, violationKind } from '../../../protocol/tunnel/violation.ts';
import { FakeClock, MemoryTransport } from './simulation.ts';

export interface SeenFrame {
  readonly type: number;
  readonly stream: number;
  readonly aux: number;
  readonly payload: Buffer;
}

export function encodeFrame(
  type: number,
  stream = 0,
  aux = 0,
  payload: Uint8Array = new Uint8Array(0),
): Buffer {
  const bytes = Buffer.alloc(frameHeaderBytes + payload.length);
  writeHeader(bytes, 0, payload.length, type as FrameType, stream, aux);
  bytes.set(payload, frameHeaderBytes);
  return bytes;
}

/** A gateway's session and, on the other side of its transport, nothing but bytes. */
export class RawAgent {
  readonly clock = new FakeClock();
  readonly limits: TunnelLimits;
  readonly session: Session;
  readonly near: MemoryTransport;
  readonly far: MemoryTransport;
  readonly seen: SeenFrame[] = [];
  readonly violations: string[] = [];
  readonly kinds: ViolationKind[] = [];
  failed = '';
  failure: HandshakeFailure | undefined;

  constructor(limits: Partial<TunnelLimits> = {}, overrides: Partial<SessionOptions> = {}) {
    this.limits = { ...defaultLimits, ...limits };
    this.session = new Session({
      role: 'gateway',
      clock: this.clock,
      limits: this.limits,
      onOffer: (stream) => stream.accept(),
      onViolation: (fault) => {
        this.violations.push(fault.message);
        this.kinds.push(violationKind(fault));
      },
      ...overrides,
    });
    this.near = new MemoryTransport(this.clock);
    this.far = new MemoryTransport(this.clock);
    this.near.peer = this.far;
    this.far.peer = this.near;
    const decoder = new FrameDecoder((type, stream, aux, payload) => {
      this.seen.push({ type, stream, aux, payload: Buffer.from(payload) });
    });
    this.far.listen({
      message: (pieces) => decoder.message(pieces),
      shortMessage() {},
      broken() {},
      drained() {},
      closed() {},
    });
    const admit = () => ({ session: this.session, resume: false, id: 'a'.repeat(32) });
    const pace = new ReadingPace(this.clock.nowMs());
    answerHello(this.near, { clock: this.clock, limits: this.limits, pace }, admit, (reason, kind) => {
      this.failed = reason;
      this.failure = kind;
    });
  }

  hello(): this {
    const hello = { version: 1, instance: 'b'.repeat(32), epoch: 1, session: '', received: 0 };
    this.say(encodeFrame(FrameType.hello, 0, 0, encodeJson(hello)));
    this.settle();
    return this;
  }

  /** One message of these frames, delivered at once. */
  say(...frames: Uint8Array[]): void {
    this.far.send([Buffer.concat(frames)]);
    this.far.deliver();
  }

  settle(): void {
    for (let moved = true; moved; ) {
      moved = this.clock.settle();
      if (this.near.deliver()) moved = true;
    }
  }

  framesOf(type: number): SeenFrame[] {
    return this.seen.filter((frame) => frame.type === type);
  }
}
