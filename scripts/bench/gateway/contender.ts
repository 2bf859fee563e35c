// One far end and its fleet of simulated nodes, spread over several processes and several loopback addresses,
// so that neither file descriptors nor ephemeral ports run out.
import { youngGenerationFlag } from '../../../gateway/serve/young-generation.ts';
import type { Authority } from '../tunnel/certificates.ts';
import { Role } from '../tunnel/process.ts';
import type { Identity } from '../tunnel/role.ts';
import type { FarEndOrder, FarEndState, Protocol, Taken } from './far-end.ts';
import type { FleetOrder } from './fleet.ts';

const fleets = 4;

export class Contender {
  readonly protocol: Protocol;
  readonly #farEnd: Role<FarEndOrder>;
  readonly #fleets: readonly Role<FleetOrder>[];
  readonly #scheme: 'http' | 'https';
  readonly #port: number;
  readonly #identity: Identity | undefined;
  #weighedBytes = 0;

  constructor(
    protocol: Protocol,
    farEnd: Role<FarEndOrder>,
    fleetRoles: readonly Role<FleetOrder>[],
    port: number,
    identity: Identity | undefined,
  ) {
    this.protocol = protocol;
    this.#farEnd = farEnd;
    this.#fleets = fleetRoles;
    this.#scheme = identity ? 'https' : 'http';
    this.#port = port;
    this.#identity = identity;
  }

  state(): Promise<FarEndState> {
    return this.#farEnd.ask<FarEndState>({ kind: 'state' });
  }

  taken(): Promise<Taken> {
    return this.#farEnd.ask<Taken>({ kind: 'taken' });
  }

  cut(nodes: number): Promise<void> {
    return this.#farEnd.ask({ kind: 'cut', nodes });
  }

  /** All fleets at once; `first` numbers the nodes. */
  async connect(first: number, count: number): Promise<void> {
    await Promise.all(
      this.#fleets.map((fleet, index) => {
        const from = Math.floor((count * index) / fleets);
        const to = Math.floor((count * (index + 1)) / fleets);
        return fleet.ask({
          kind: 'connect',
          protocol: this.protocol,
          url: this.#url(index),
          identity: this.#identity,
          first: first + from,
          count: to - from,
        });
      }),
    );
  }

  async send(
    what: 'heartbeats' | 'samples',
    nodes: number,
    perSecond: number,
    seconds: number,
  ): Promise<number> {
    const sent = await Promise.all(
      this.#fleets.map((fleet, index) =>
        fleet.ask<number>({
          kind: 'send',
          protocol: this.protocol,
          url: this.#url(index),
          what,
          nodes: Math.ceil(nodes / fleets),
          perSecond,
          seconds,
        }),
      ),
    );
    return sent.reduce((sum, count) => sum + count, 0);
  }

  /** While the far end stands still, each of the nodes sends one heartbeat; then it takes them all. */
  async wave(nodes: number): Promise<void> {
    this.#farEnd.signal('SIGSTOP');
    try {
      await Promise.all(
        this.#fleets.map((fleet, index) =>
          fleet.ask({ kind: 'wave', url: this.#url(index), nodes: Math.ceil(nodes / fleets) }),
        ),
      );
    } finally {
      this.#farEnd.signal('SIGCONT');
    }
  }

  async disconnect(): Promise<void> {
    await Promise.all(
      this.#fleets.map((fleet, index) => fleet.ask({ kind: 'disconnect', url: this.#url(index) })),
    );
  }

  async weigh(): Promise<void> {
    await this.#farEnd.ask({ kind: 'collectGarbage' });
    this.#weighedBytes = (await this.state()).residentBytes;
  }

  /** Since the last time, for each of so many nodes. */
  async weighedPerNode(nodes: number): Promise<number> {
    const before = this.#weighedBytes;
    await this.weigh();
    return (this.#weighedBytes - before) / nodes;
  }

  #url(fleet: number): string {
    return `${this.#scheme}://127.0.0.${fleet + 1}:${this.#port}`;
  }
}

export async function startContender(
  protocol: Protocol,
  authority: Authority | undefined,
  profileFolder: string | undefined,
): Promise<Contender> {
  const farEnd = new Role<FarEndOrder>({
    profileFolder,
    program: new URL('./far-end.ts', import.meta.url),
    nodeFlags: ['--expose-gc', youngGenerationFlag],
  });
  const identity = await authority?.issue('gateway');
  const port = await farEnd.ask<number>({ kind: 'listen', protocol, identity });
  const fleetRoles = Array.from(
    { length: fleets },
    () => new Role<FleetOrder>({ program: new URL('./fleet.ts', import.meta.url) }),
  );
  return new Contender(protocol, farEnd, fleetRoles, port, await authority?.issue('fleet'));
}

export async function stopContender(contender: Contender): Promise<void> {
  await contender.disconnect();
}
