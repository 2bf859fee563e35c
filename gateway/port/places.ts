// Who has a place at the public port. Before the handshake only an address is known, after it perhaps a node.
// Nodes are counted by their name alone, whatever address they come from; all others share a small part, and
// there the newcomer always gets in: the one that has waited the longest with nothing to do makes room for
// it, first at its own address, and in all at the address that has most. So nobody keeps out a node, which
// needs its handshake's time among the others and is then counted apart. How often the others may begin one
// is bounded: for each address; for all from which no node is known, since an address costs nothing on a
// network of one's own; and for all the others together, where pods come from the addresses of their hosts.
// There each address has some that no other can take. Nothing here touches a socket.
import { type BucketLimits, TokenBucket, TokenBuckets } from '../../protocol/rate/token-bucket.ts';
import { network } from '../resources/address.ts';

export interface PlaceLimits {
  /** Handshakes, and connections without a node's certificate. */
  readonly strangers: number;
  readonly strangersPerAddress: number;
  readonly perNode: number;
  /** Handshakes of one address; of those that show a node's certificate only what is over that node's own. */
  readonly handshakes: BucketLimits;
  /** Of one node, with its certificate, from whatever address. */
  readonly handshakesOfNode: BucketLimits;
  /** Of all addresses from which no node is known: each is a millisecond of the one thread. */
  readonly handshakesOfUnknown: BucketLimits;
  /** Of each address from which a node is known, whatever the others do. */
  readonly handshakesKept: BucketLimits;
  /** Of all these addresses, what is over their kept ones; a node's own are given back. */
  readonly handshakesOfKnown: BucketLimits;
  /** A handshake that takes longer makes room before one that has just begun. */
  readonly promptHandshakeMs: number;
  /**
   * A stranger is let go after this time as soon as it asks for nothing, or when it
   * takes its answer too slowly.
   */
  readonly strangerLifetimeMs: number;
  readonly leastBytesPerSecond: number;
  /** An address from which a node came yields its last places later than others. */
  readonly keptForKnownAddress: number;
  readonly rememberedAddresses: number;
}

/**
 * Why a connection was not taken, or had to make room, as
 * `regnode_gateway_refused_connections_total` names it.
 */
export type Eviction = 'per-address' | 'strangers' | 'per-node' | 'rate' | 'lifetime';

export interface Place {
  readonly address: string;
  readonly sinceMs: number;
  /** Its own traffic so far; asked only of one that is old. */
  readonly movedBytes: () => number;
  readonly close: (reason: Eviction) => void;
  /** What its handshake took from the shares of its address, when it was a node's. */
  readonly giveBack: () => void;
  node?: string;
  isHandshake: boolean;
  /** Requests under way; a tunnel is one that does not end. */
  requests: number;
  /** When it was last looked at because of its age, and what it had moved then. */
  looked?: { readonly atMs: number; readonly movedBytes: number };
}

export interface PlacesOptions {
  readonly limits: PlaceLimits;
  /** Addresses that registrations name; those from which nodes came are remembered here. */
  readonly isKnownAddress?: (address: string) => boolean;
  readonly random?: () => number;
}

export class Places {
  readonly #options: Required<PlacesOptions>;
  /** Address → its strangers, the oldest first. */
  readonly #strangers = new Map<string, Set<Place>>();
  readonly #nodes = new Map<string, Set<Place>>();
  readonly #handshakes: TokenBuckets;
  readonly #handshakesOfNodes: TokenBuckets;
  readonly #kept: TokenBuckets;
  #unknown: TokenBucket | undefined;
  #overKept: TokenBucket | undefined;
  /** Addresses from which nodes came, the latest last. */
  readonly #known = new Set<string>();
  #strangerCount = 0;

  constructor(options: PlacesOptions) {
    this.#options = { isKnownAddress: () => false, random: Math.random, ...options };
    const { handshakes, handshakesOfNode, rememberedAddresses } = options.limits;
    this.#handshakes = new TokenBuckets(handshakes, rememberedAddresses);
    this.#kept = new TokenBuckets(options.limits.handshakesKept, rememberedAddresses);
    this.#handshakesOfNodes = new TokenBuckets(handshakesOfNode, rememberedAddresses);
  }

  get strangers(): number {
    return this.#strangerCount;
  }

  connectionsOf(node: string): number {
    return this.#nodes.get(node)?.size ?? 0;
  }

  /**
   * A new connection, of which nothing but the address is known. undefined: its address, or all of its
   * kind, begin too many handshakes.
   */
  enter(given: Pick<Place, 'address' | 'movedBytes' | 'close'>, nowMs: number): Place | undefined {
    const { limits } = this.#options;
    const address = network(given.address);
    const giveBack = this.#takeHandshake(address, nowMs);
    if (giveBack === undefined) return undefined;
    if ((this.#strangers.get(address)?.size ?? 0) >= limits.strangersPerAddress) {
      this.#makeRoom(address, 'per-address', nowMs);
    } else if (this.#strangerCount >= limits.strangers) {
      this.#makeRoom(this.#fullest(), 'strangers', nowMs);
    }
    const { movedBytes, close } = given;
    const place: Place = {
      address,
      sinceMs: nowMs,
      movedBytes,
      close,
      giveBack,
      isHandshake: true,
      requests: 0,
    };
    const others = this.#strangers.get(address) ?? new Set();
    this.#strangers.set(address, others.add(place));
    this.#strangerCount += 1;
    return place;
  }

  /**
   * Its certificate is that of a registered node. False: the node has as many connections as
   * it may, all of them in use.
   */
  identified(place: Place, node: string, nowMs: number): boolean {
    if (place.node !== undefined) return true;
    const others = this.#nodes.get(node) ?? new Set();
    if (others.size >= this.#options.limits.perNode) {
      const idle = [...others].find(({ requests }) => requests === 0);
      if (idle === undefined) return false;
      this.leave(idle);
      idle.close('per-node');
    }
    this.#leaveStrangers(place);
    // A node that begins them without end has its address's share, and no other address becomes known by it.
    if (this.#handshakesOfNodes.take(node, 1, nowMs)) {
      place.giveBack();
      this.#remember(place.address);
    }
    place.node = node;
    place.isHandshake = false;
    this.#nodes.set(node, (this.#nodes.get(node) ?? new Set()).add(place));
    return true;
  }

  /** Its connection has ended. */
  leave(place: Place): void {
    if (place.node === undefined) {
      this.#leaveStrangers(place);
      return;
    }
    const others = this.#nodes.get(place.node);
    others?.delete(place);
    if (others?.size === 0) this.#nodes.delete(place.node);
  }

  /** From time to time: strangers that have been here long enough go. */
  sweep(nowMs: number): void {
    const { strangerLifetimeMs } = this.#options.limits;
    for (const place of [...this.#strangers.values()].flatMap((places) => [...places])) {
      if (nowMs - place.sinceMs < strangerLifetimeMs || this.#isWorthIt(place, nowMs)) continue;
      this.#leaveStrangers(place);
      place.close('lifetime');
    }
  }

  /** Of those that are old only one whose request goes on at some pace. */
  #isWorthIt(place: Place, nowMs: number): boolean {
    if (place.requests === 0) return false;
    const { leastBytesPerSecond, strangerLifetimeMs } = this.#options.limits;
    const { looked } = place;
    if (looked !== undefined && nowMs - looked.atMs < strangerLifetimeMs) return true;
    const now = { atMs: nowMs, movedBytes: place.movedBytes() };
    place.looked = now;
    if (looked === undefined) return true;
    return now.movedBytes - looked.movedBytes >= (leastBytesPerSecond * (now.atMs - looked.atMs)) / 1000;
  }

  /** Gives what takes it back; undefined: nothing is left. */
  #takeHandshake(address: string, nowMs: number): (() => void) | undefined {
    const { limits } = this.#options;
    if (!this.#handshakes.take(address, 1, nowMs)) return undefined;
    const giveBack = () => this.#handshakes.giveBack(address, 1);
    if (!this.#isKnown(address)) {
      this.#unknown ??= new TokenBucket(limits.handshakesOfUnknown, nowMs);
      return this.#unknown.take(1, nowMs) ? giveBack : undefined;
    }
    if (this.#kept.take(address, 1, nowMs)) {
      return () => {
        giveBack();
        this.#kept.giveBack(address, 1);
      };
    }
    this.#overKept ??= new TokenBucket(limits.handshakesOfKnown, nowMs);
    const overKept = this.#overKept;
    if (!overKept.take(1, nowMs)) return undefined;
    return () => {
      giveBack();
      overKept.giveBack(1);
    };
  }

  #makeRoom(address: string, reason: Eviction, nowMs: number): void {
    const places = [...(this.#strangers.get(address) ?? [])];
    const { promptHandshakeMs } = this.#options.limits;
    const victim =
      places.find(({ isHandshake, requests }) => !isHandshake && requests === 0) ??
      places.find(({ isHandshake, sinceMs }) => isHandshake && nowMs - sinceMs >= promptHandshakeMs) ??
      // All are at something: by lot, so that nobody who hurries can push out exactly the one
      // that is about to be known.
      places[Math.floor(this.#options.random() * places.length)];
    if (victim === undefined) return;
    this.#leaveStrangers(victim);
    victim.close(reason);
  }

  #fullest(): string {
    const { keptForKnownAddress } = this.#options.limits;
    let [found, most] = ['', Number.NEGATIVE_INFINITY];
    for (const [address, places] of this.#strangers) {
      const count = places.size - (this.#isKnown(address) ? keptForKnownAddress : 0);
      if (count > most) [found, most] = [address, count];
    }
    return found;
  }

  #isKnown(address: string): boolean {
    return this.#known.has(address) || this.#options.isKnownAddress(address);
  }

  #leaveStrangers(place: Place): void {
    const places = this.#strangers.get(place.address);
    if (!places?.delete(place)) return;
    this.#strangerCount -= 1;
    if (places.size === 0) this.#strangers.delete(place.address);
  }

  #remember(address: string): void {
    this.#known.delete(address);
    this.#known.add(address);
    if (this.#known.size > this.#options.limits.rememberedAddresses) {
      this.#known.delete(this.#known.keys().next().value ?? '');
    }
  }
}
