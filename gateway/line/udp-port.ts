// The UDP side of line probes: an echo with the time in it. What is not signed with the key of the address
// that it seems to come from gets nothing at all, no answer is larger than its request, and rates are
// limited by address and in total.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Logger } from 'pino';
import { decodeProbe, encodeProbe, isSigned, probeHeadBytes } from '../../protocol/line/probe.ts';
import { TokenBucket, TokenBuckets } from '../../protocol/rate/token-bucket.ts';
import { network } from '../resources/address.ts';
import { lineLimits } from './limits.ts';

/** What became of a datagram; each is counted. */
export type ProbeOutcome = 'answered' | 'malformed' | 'expired' | 'unsigned' | 'address-rate' | 'total-rate';

export interface ProbePortOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly keyFor: (session: string, expiresAtSeconds: number, address: string) => Uint8Array | undefined;
  /** `inbound` probes are answered to this port of the host. */
  readonly inboundPort: number;
  readonly count: (outcome: ProbeOutcome) => void;
  readonly now: () => number;
  readonly logger: Logger;
}

export interface ProbePort {
  readonly port: number;
  close(): Promise<void>;
}

/** Throws the system's error when the port cannot be had. */
export async function openProbePort(options: ProbePortOptions): Promise<ProbePort> {
  const socket = createSocket({ type: isIPv6(options.listen.host) ? 'udp6' : 'udp4' });
  const echo = new Echo(options);
  await bound(socket, options.listen);
  socket.on('message', (request, from) => {
    // On a socket for both families an IPv4 address comes with a prefix that the TLS side has taken off.
    const answer = echo.answer(request, { ...from, address: from.address.replace(/^::ffff:/, '') });
    if (answer) socket.send(answer.bytes, answer.port, from.address, () => {});
  });
  socket.on('error', (error) => options.logger.warn({ err: error }, 'line probes: the UDP port failed'));
  socket.unref();
  return {
    port: socket.address().port,
    close: () => new Promise((resolve) => socket.close(resolve)),
  };
}

/** Everything but the socket: a datagram in, at most one out. */
export class Echo {
  readonly #options: Omit<ProbePortOptions, 'listen' | 'logger'>;
  readonly #perAddress = new TokenBuckets(lineLimits.datagrams, lineLimits.rememberedAddresses);
  readonly #total: TokenBucket;
  readonly #answerBytes: TokenBucket;

  constructor(options: Omit<ProbePortOptions, 'listen' | 'logger'>) {
    this.#options = options;
    this.#total = new TokenBucket(lineLimits.totalDatagrams, options.now());
    this.#answerBytes = new TokenBucket(lineLimits.totalAnswerBytes, options.now());
  }

  answer(
    request: Buffer,
    from: Pick<RemoteInfo, 'address' | 'port'>,
  ): { bytes: Buffer; port: number } | undefined {
    const receivedAtMs = this.#options.now();
    const outcome = this.#judge(request, from.address, receivedAtMs);
    if (typeof outcome === 'string') {
      this.#options.count(outcome);
      return undefined;
    }
    const { probe, key } = outcome;
    const length = probe.kind === 'full' ? request.length : probeHeadBytes;
    if (!this.#answerBytes.take(length, receivedAtMs)) {
      this.#options.count('total-rate');
      return undefined;
    }
    this.#options.count('answered');
    const told = { ...probe, kind: 'answer', receivedAtMs, answeredAtMs: this.#options.now() } as const;
    return {
      bytes: encodeProbe(told, key, length),
      port: probe.kind === 'inbound' ? this.#options.inboundPort : from.port,
    };
  }

  /** The cheap refusals first. */
  #judge(request: Buffer, address: string, now: number) {
    if (!this.#total.take(1, now)) return 'total-rate';
    const probe = decodeProbe(request);
    // An answer of ours that came back must not begin a conversation.
    if (!probe || probe.kind === 'answer') return 'malformed';
    const key = this.#options.keyFor(probe.session, probe.expiresAtSeconds, address);
    if (!key) return 'expired';
    if (!isSigned(request, key)) return 'unsigned';
    // Only what is signed uses up what the address may: nobody can take it from somebody else.
    return this.#perAddress.take(network(address), 1, now) ? { probe, key } : 'address-rate';
  }
}

function bound(socket: Socket, at: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address: at.host, port: at.port, exclusive: true }, () => {
      socket.off('error', reject);
      resolve();
    });
  });
}
