// Sessions of line probes: given out over TLS, for the address that the connection comes from and, for a
// node, for those that it has registered. Nothing of them is remembered: the key follows from secret,
// session, expiry and address.
import { randomBytes } from 'node:crypto';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { isTicketOf, type LineSession, lineKey, parseTicket } from '../../protocol/line/session.ts';
import { TokenBuckets } from '../../protocol/rate/token-bucket.ts';
import { network } from '../resources/address.ts';
import { lineLimits } from './limits.ts';

export interface LineSessionsOptions {
  /** The same in every replica; asked each time, since a rotation of the CA changes it. */
  readonly secret: () => Uint8Array;
  readonly udpPort: () => number | undefined;
  readonly inboundPort: number;
  readonly now: () => number;
}

export class LineSessions {
  readonly #options: LineSessionsOptions;
  readonly #opened = new TokenBuckets(lineLimits.sessions, lineLimits.rememberedAddresses);

  constructor(options: LineSessionsOptions) {
    this.#options = options;
  }

  /**
   * `node`: who asks, with the addresses that it has registered; undefined for a host that has not joined.
   */
  open(
    address: string,
    node?: { readonly name: string; readonly addresses: readonly string[] },
  ): LineSession {
    const { now, secret, udpPort, inboundPort } = this.#options;
    // Many nodes may come from one address (a proxy, address translation); each has a rate of its own.
    const asker = node ? `node ${node.name}` : network(address);
    if (!this.#opened.take(asker, 1, now())) {
      throw new Fault('LINE_BUSY', { address, seconds: this.#opened.waitSeconds(asker, 1, now()) });
    }
    const lifetimeMs = node ? lineLimits.nodeSessionMs : lineLimits.strangerSessionMs;
    const session = randomBytes(8).toString('hex');
    const expiresAtSeconds = Math.floor((now() + lifetimeMs) / 1000);
    const addresses = [...new Set([address, ...(node?.addresses ?? [])])].slice(0, 16);
    const port = udpPort();
    return {
      session,
      expiresAtSeconds,
      lifetimeMs,
      address,
      keys: addresses.map((one) => ({
        address: one,
        key: lineKey(secret(), session, expiresAtSeconds, one).toString('base64'),
      })),
      ...(port === undefined ? {} : { udpPort: port }),
      inboundPort,
    };
  }

  /**
   * The key that a datagram of this session from this address must be signed with; undefined when it is over.
   */
  keyFor(session: string, expiresAtSeconds: number, address: string): Uint8Array | undefined {
    const leftMs = expiresAtSeconds * 1000 - this.#options.now();
    if (!(leftMs > 0 && leftMs <= lineLimits.nodeSessionMs)) return undefined;
    return lineKey(this.#options.secret(), session, expiresAtSeconds, address);
  }

  /** Whether an HTTPS request carries a ticket of a session that this address has opened. */
  isTicketOf(address: string, ticket: string | undefined): boolean {
    const parsed = parseTicket(ticket);
    if (!parsed) return false;
    const { session, expiresAtSeconds, mac } = parsed;
    const key = this.keyFor(session, expiresAtSeconds, address);
    return key !== undefined && isTicketOf(key, session, mac);
  }
}
