// The frames of the session itself, stream 0, once it is established: each goes to whoever asked for its
// kind. What may not come from this peer, or not now, is a violation. A CONTROL message of a kind that only a
// later release knows is not: it is told to whoever wants to know, and left at that.
import { type ControlMessage, controlMessageSchema } from '../messages/control.ts';
import { FrameType, frameRules } from './frame.ts';
import { checked, decodeControl } from './messages.ts';
import type { SessionOptions } from './session-options.ts';
import { invalid } from './violation.ts';

const longestKind = 64;
const kinds = new Set<string>(controlMessageSchema.options.map(({ shape }) => shape.kind.value));

export class SessionFrames {
  readonly #options: SessionOptions;
  readonly #acknowledged: (low: number) => void;
  readonly #draining: () => void;
  readonly #controlListeners: ((message: ControlMessage) => void)[] = [];
  readonly #acknowledgementListeners: ((payload: Uint8Array) => void)[] = [];

  constructor(options: SessionOptions, acknowledged: (low: number) => void, draining: () => void) {
    this.#options = options;
    this.#acknowledged = acknowledged;
    this.#draining = draining;
  }

  onControl(listener: (message: ControlMessage) => void): void {
    this.#controlListeners.push(listener);
  }

  onTelemetryAcknowledgement(listener: (payload: Uint8Array) => void): void {
    this.#acknowledgementListeners.push(listener);
  }

  receive(type: number, aux: number, payload: Uint8Array): void {
    switch (type) {
      case FrameType.ack:
        this.#acknowledged(aux);
        break;
      case FrameType.control:
        this.#control(decodeControl(payload));
        break;
      case FrameType.heartbeat:
        this.#options.onHeartbeat?.(payload);
        break;
      case FrameType.telemetry:
        this.#options.onTelemetry?.(payload);
        break;
      case FrameType.telemetryAck:
        for (const listener of this.#acknowledgementListeners) listener(payload);
        break;
      case FrameType.drain:
        if (this.#options.role === 'gateway') throw invalid('frame-order', 'DRAIN from an agent');
        this.#draining();
        this.#options.onDrain?.(aux);
        break;
      default:
        throw invalid('frame-order', `${frameRules[type]?.name ?? type} in an established session`);
    }
  }

  #control(any: unknown): void {
    const kind = kindOf(any);
    if (!kinds.has(kind)) {
      this.#options.onUnknownControl?.(kind);
      return;
    }
    const message = checked(controlMessageSchema, any, 'CONTROL');
    for (const listener of this.#controlListeners) listener(message);
  }
}

function kindOf(any: unknown): string {
  const { kind } = (any ?? {}) as { kind?: unknown };
  if (typeof kind === 'string' && kind !== '' && kind.length <= longestKind) return kind;
  throw invalid('payload', 'CONTROL: kind is not as agreed');
}
