// Two replicas on loopback, with real TLS and real sessions: gw-b has the tunnels of agents,
// gw-a has none and is asked.
import { join } from 'node:path';
import { startEgress } from '../../../../gateway/egress/server.ts';
import { Authority } from '../../../../gateway/join/authority.ts';
import { type Door, openDoor } from '../../../../gateway/replicas/door.ts';
import { addressAnnotation, replicaLabel } from '../../../../gateway/replicas/lease.ts';
import { Links } from '../../../../gateway/replicas/links.ts';
import { answerQuestions } from '../../../../gateway/replicas/questions.ts';
import { Roster } from '../../../../gateway/replicas/roster.ts';
import { Ways } from '../../../../gateway/replicas/ways.ts';
import type { RegisteredNode } from '../../../../gateway/resources/registered-node.ts';
import type { StreamAudit } from '../../../../protocol/tunnel/audit.ts';
import { realClock } from '../../../../protocol/tunnel/clock.ts';
import { Loopback, silent } from '../../tunnel/loopback.ts';
import { memoryKubernetes } from '../memory-kubernetes.ts';

export class TwoReplicas {
  readonly refused: string[] = [];
  readonly crowded: string[] = [];
  readonly doorAudit: StreamAudit[] = [];
  readonly askedAudit: StreamAudit[] = [];
  /** Where the registration of every node says that its tunnel is. */
  tunnel: { connected: boolean; gateway: string; since: string } | undefined;
  /** What gw-b answers to questions. */
  answer: (path: string) => Promise<string> = (path) => Promise.resolve(`gw-b about ${path}`);
  readonly loopback: Loopback;
  readonly authority: Authority;
  readonly door: Door;
  readonly links: Links;
  readonly ways: Ways;
  /** gw-a's CONNECT. */
  readonly socketPath: string;

  static async start(): Promise<TwoReplicas> {
    const loopback = await Loopback.start();
    const authority = await Authority.open(memoryKubernetes());
    const certificate = async (name: string) => ({
      ...(await authority.issueReplica(name)),
      caPem: authority.caPem,
    });
    const ours = await certificate('gw-a');
    const links = new Links({ certificate: () => ours, clock: realClock, logger: silent });
    const recorded: { world?: TwoReplicas } = {};
    const door = await openDoor({
      listen: { host: '127.0.0.1', port: 0 },
      certificate: await certificate('gw-b'),
      hub: loopback.gateway.hub,
      audit: (record) => recorded.world?.doorAudit.push(record),
      onQuestion: answerQuestions((path) => recorded.world?.answer(path) ?? Promise.resolve('')),
      onRefused: ({ code }) => recorded.world?.refused.push(code),
      onCrowded: (reason) => recorded.world?.crowded.push(reason),
      clock: realClock,
      logger: silent,
    });
    loopback.defer(() => door.close());
    loopback.defer(() => links.drain(0));
    const world = new TwoReplicas(loopback, authority, door, links);
    recorded.world = world;
    const egress = await startEgress({
      socketPath: world.socketPath,
      hub: world.ways,
      resolveNode: (name) => (name.startsWith('idc-') ? name : undefined),
      direct: null,
      audit: (record) => world.askedAudit.push(record),
      logger: silent,
    });
    loopback.defer(() => egress.close());
    return world;
  }

  private constructor(loopback: Loopback, authority: Authority, door: Door, links: Links) {
    this.loopback = loopback;
    this.authority = authority;
    this.door = door;
    this.links = links;
    this.socketPath = join(loopback.folder, 'other.sock');
    this.tunnel = { connected: true, gateway: 'gw-b', since: new Date().toISOString() };
    const roster = new Roster('gw-a', Date.now);
    roster.changed({
      object: {
        metadata: {
          name: 'x',
          labels: { [replicaLabel]: 'gw-b' },
          annotations: { [addressAnnotation]: this.address },
        },
        spec: { holderIdentity: 'gw-b', leaseDurationSeconds: 15, acquireTime: '', renewTime: '' },
      },
    });
    this.ways = new Ways({
      self: 'gw-a',
      hub: { session: () => undefined },
      registered: () => ({ status: { tunnel: this.tunnel } }) as RegisteredNode,
      roster,
      links,
      clock: realClock,
    });
  }

  /** Of gw-b's door. */
  get address(): string {
    return `127.0.0.1:${this.door.address.port}`;
  }
}
