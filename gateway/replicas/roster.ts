// Which replicas of the gateway there are, from their Leases. A replica is dead when its Lease was not
// renewed for its duration, counted on our own clock from the moment that we saw the last renewal, so that no
// two clocks have to agree. When our own Lease is not renewed either, it is the API server that is away: then
// everybody stays what they were.
import type { Lease } from '../kubernetes/kinds.ts';
import { addressAnnotation, drainingAnnotation, leaseMs, replicaLabel } from './lease.ts';

interface Seen {
  readonly lease: Lease;
  readonly atMs: number;
}

export interface Replica {
  readonly name: string;
  /** `host:port` of its door for replicas. */
  readonly address: string;
  readonly live: boolean;
  readonly draining: boolean;
}

/** A change of a Lease, as the watcher tells it. */
interface Change {
  readonly object: Lease | undefined;
  readonly previous?: Lease | undefined;
}

export class Roster {
  readonly #self: string;
  readonly #now: () => number;
  readonly #seen = new Map<string, Seen>();
  readonly #listeners: (() => void)[] = [];
  #verdict = '';

  constructor(self: string, now: () => number) {
    this.#self = self;
    this.#now = now;
  }

  /** For the watcher of Leases. */
  changed({ object, previous }: Change): void {
    const name = (object ?? previous)?.metadata.labels?.[replicaLabel];
    if (name === undefined) return;
    if (object) this.#seen.set(name, { lease: object, atMs: this.#now() });
    else this.#seen.delete(name);
    this.look();
  }

  /** Called every second or so: that a Lease has run out is no event of its own. */
  look(): void {
    const verdict = this.replicas.map(({ name, address, live, draining }) => [name, address, live, draining]);
    const text = JSON.stringify(verdict);
    if (text === this.#verdict) return;
    this.#verdict = text;
    for (const listener of this.#listeners) listener();
  }

  /** Somebody came, went, died, or is about to go. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  get replicas(): readonly Replica[] {
    return [...this.#seen]
      .map(([name, { lease }]) => ({
        name,
        address: lease.metadata.annotations?.[addressAnnotation] ?? '',
        live: this.isLive(name),
        draining: lease.metadata.annotations?.[drainingAnnotation] === 'true',
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  get(name: string): Replica | undefined {
    return this.replicas.find((replica) => replica.name === name);
  }

  isLive(name: string): boolean {
    if (name === this.#self) return true;
    const seen = this.#seen.get(name);
    return seen !== undefined && (this.#isFresh(seen) || this.#isBlind());
  }

  /**
   * The one that does what belongs to nobody else: of the live ones the first by name, one that is about
   * to stop last. Two may think so for a moment. All that a leader does is a conditional write, or
   * harmless when it is done twice.
   */
  get leader(): string {
    const live = this.replicas.filter((replica) => replica.live);
    return (live.find(({ draining }) => !draining) ?? live[0])?.name ?? this.#self;
  }

  get isLeader(): boolean {
    return this.leader === this.#self;
  }

  #isFresh({ atMs }: Seen): boolean {
    return this.#now() - atMs < leaseMs;
  }

  #isBlind(): boolean {
    const own = this.#seen.get(this.#self);
    return own === undefined || !this.#isFresh(own);
  }
}
