// UDP probes with the gateway: numbered, signed, and matched with their answers. Nothing that is not signed
// with our key counts as an answer. One socket, closed at the end.

import { decodeProbe, encodeProbe, isSigned, type ProbeKind } from '../../protocol/line/probe.ts';
import type { Datagram, DatagramSocket, Host } from '../host/host.ts';
import type { TimeSample } from './statistics.ts';

export interface ProbeTarget {
  readonly address: string;
  readonly port: number;
  readonly source: string;
  readonly session: string;
  readonly expiresAtSeconds: number;
  readonly key: Uint8Array;
}

interface Waiting {
  readonly sentAtMs: number;
  readonly sentMonotonicMs: number;
  readonly answered: (sample: TimeSample) => void;
}

export class Conversation {
  readonly #host: Host;
  readonly #target: ProbeTarget;
  readonly #waiting = new Map<number, Waiting>();
  #socket: DatagramSocket | undefined;
  #number = 0;

  private constructor(host: Host, target: ProbeTarget) {
    this.#host = host;
    this.#target = target;
  }

  static async open(host: Host, target: ProbeTarget): Promise<Conversation> {
    const conversation = new Conversation(host, target);
    conversation.#socket = await host.network.openDatagrams({
      port: 0,
      localAddress: target.source,
      onDatagram: (datagram) => conversation.#take(datagram),
    });
    return conversation;
  }

  /** undefined: no answer in time. Throws the system's error when the packet could not leave. */
  async ask(kind: ProbeKind, lengthBytes: number, timeoutMs: number): Promise<TimeSample | undefined> {
    const { promise, resolve } = Promise.withResolvers<TimeSample | undefined>();
    const number = await this.#send(kind, lengthBytes, resolve);
    const timer = setTimeout(() => resolve(undefined), timeoutMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(number);
    }
  }

  /** For answers that come elsewhere (`inbound`). */
  async tell(kind: ProbeKind, lengthBytes: number): Promise<void> {
    await this.#send(kind, lengthBytes, undefined);
  }

  async close(): Promise<void> {
    await this.#socket?.close();
  }

  async #send(
    kind: ProbeKind,
    lengthBytes: number,
    answered: ((sample: TimeSample) => void) | undefined,
  ): Promise<number> {
    const { session, expiresAtSeconds, key } = this.#target;
    const { clock } = this.#host;
    this.#number += 1;
    const number = this.#number;
    const sentAtMs = clock.nowMs();
    const probe = { kind, session, expiresAtSeconds, number, sentAtMs, receivedAtMs: 0, answeredAtMs: 0 };
    const bytes = encodeProbe(probe, key, lengthBytes);
    if (answered) this.#waiting.set(number, { sentAtMs, sentMonotonicMs: clock.monotonicMs(), answered });
    try {
      await this.#socket?.send(bytes, this.#target);
    } catch (error) {
      this.#waiting.delete(number);
      throw error;
    }
    return number;
  }

  #take({ bytes, address, receivedAtMs, receivedMonotonicMs }: Datagram): void {
    if (address !== this.#target.address) return;
    const probe = decodeProbe(bytes);
    const waiting = probe && this.#waiting.get(probe.number);
    if (probe?.kind !== 'answer' || !waiting || !isSigned(bytes, this.#target.key)) return;
    this.#waiting.delete(probe.number);
    waiting.answered({
      times: [waiting.sentAtMs, probe.receivedAtMs, probe.answeredAtMs, receivedAtMs],
      roundTripMs: receivedMonotonicMs - waiting.sentMonotonicMs,
    });
  }
}
