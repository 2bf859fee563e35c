// Keeps three things as they should be, one node at a time: the Node object (labels, taints, cordon), the
// RegisteredNode's status, and the agent's desired state. It looks at live copies of pools, registrations and
// Nodes, and acts when any of them or the tunnel changes. Removal is departures.ts.
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { ControlMessage } from '../../protocol/messages/control.ts';
import type { DesiredState } from '../../protocol/messages/desired.ts';
import type { IdentityConflict } from '../../protocol/messages/machine.ts';
import type { AddressBook } from '../addresses/book.ts';
import type { OfferedArtifacts } from '../artifacts/store.ts';
import { type RecordEvent, told } from '../kubernetes/event-recorder.ts';
import { type NodeObject, nodes } from '../kubernetes/kinds.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import { isFailure, update } from '../kubernetes/kubernetes.ts';
import { desiredState, nodeLabels, nodeTaints, type OfGateway } from '../pools/desired-state.ts';
import { askedVersions } from '../pools/rollout.ts';
import { type PoolObject, poolSpec } from '../resources/node-pool.ts';
import { type RegisteredNode, registeredNodes } from '../resources/registered-node.ts';
import type { Departures } from './departures.ts';
import { healthNotes, nodeConditionsPatch } from './health.ts';
import { writeNodeObject } from './node-object.ts';
import { ownNode } from './own-node.ts';
import { nodeStatus, readyMessage, readyOf, sameStatus } from './status.ts';
import type { Tunnels } from './tunnels.ts';
import { upgradeEvents } from './upgrade-conditions.ts';

export interface ReconcilerOptions {
  readonly kubernetes: Kubernetes;
  readonly pools: (name: string) => PoolObject | undefined;
  readonly registered: (name: string) => RegisteredNode | undefined;
  readonly nodes: (name: string) => NodeObject | undefined;
  /** What of its name and addresses is not its own, as far as is known. */
  readonly contested: AddressBook['contested'];
  /** Another host that asks for the node's tunnel here. */
  readonly conflict?: (name: string) => IdentityConflict | undefined;
  readonly artifacts: () => Promise<OfferedArtifacts>;
  readonly ofGateway?: OfGateway;
  readonly tunnels: Tunnels;
  readonly departures: Departures;
  readonly recordEvent: RecordEvent;
  readonly logger: Logger;
  /** Name of this replica, as in status.tunnel.gateway. */
  readonly gateway: string;
  readonly isLive: (gateway: string) => boolean;
  /** Whether this replica looks after the node: its tunnel is here, or nowhere and this one leads. */
  readonly looksAfter: (registered: RegisteredNode) => boolean;
  readonly settled: () => boolean;
  /** A node whose registration is gone: close its tunnel, forget its metrics. */
  readonly onGone: (name: string) => void;
  readonly now: () => number;
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  /** Node → session and revision that it was last told. */
  readonly #told = new Map<string, { session: object; revision: string }>();
  /** Node → session, and how it was last told that the cluster sees it. */
  readonly #toldNode = new Map<string, { session: object; node: string }>();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** For the work queue; milliseconds after which it wants to look again, if so. */
  async reconcile(name: string): Promise<number | undefined> {
    const registered = this.#options.registered(name);
    if (!registered) {
      this.#told.delete(name);
      this.#toldNode.delete(name);
      this.#options.onGone(name);
      return undefined;
    }
    const leaving = registered.metadata.deletionTimestamp !== undefined;
    // A claim that is not a node yet (its join is under way) is not touched.
    if (!leaving && registered.status?.joinedAt === undefined) return undefined;
    const tunnel = this.#options.tunnels.get(name);
    const isOurs = this.#options.looksAfter(registered);
    // Another replica's node, unless its tunnel has just come here.
    if (!isOurs && !(tunnel?.connected && !tunnel.claimed)) return undefined;
    const desired = await this.desired(registered);
    await this.#writeStatus(registered, desired);
    if (leaving) return this.#options.departures.advance(registered);
    this.#sendDesired(name, desired);
    this.#sendNode(registered);
    await this.#writeNode(registered);
    await this.#writeNodeConditions(name);
    await this.#forgetBootstrapToken(registered);
    return undefined;
  }

  /** undefined (and a warning event) when the pool or an artifact that it wants is missing. */
  async desired(registered: RegisteredNode): Promise<DesiredState | undefined> {
    const { name, uid } = registered.metadata;
    try {
      const pool = this.#pool(registered.spec.pool);
      const architecture = registered.status?.facts?.architecture ?? 'amd64';
      const artifacts = await this.#options.artifacts();
      const versions = askedVersions(registered);
      const node = { ...registered.spec, ...(versions ? { versions } : {}) };
      const { facts } = registered.status ?? {};
      return desiredState(pool, node, architecture, artifacts, facts, this.#options.ofGateway);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      const note = { type: 'Warning', ...told('NO_DESIRED_STATE', { detail: error.message }) } as const;
      this.#options.recordEvent(registeredNodes, { name, uid }, note);
      return undefined;
    }
  }

  #pool(name: string) {
    const pool = this.#options.pools(name);
    if (!pool) throw new Fault('POOL_NOT_FOUND', { pool: name });
    return { name, spec: poolSpec(pool) };
  }

  async #writeStatus(registered: RegisteredNode, desired: DesiredState | undefined): Promise<void> {
    const { kubernetes, tunnels, gateway, settled, now, recordEvent } = this.#options;
    const { name, uid } = registered.metadata;
    const tunnel = tunnels.get(name);
    const status = nodeStatus(registered, {
      node: this.#ownNode(registered),
      tunnel,
      gateway,
      isLive: this.#options.isLive,
      settled: settled(),
      desiredRevision: desired?.revision,
      contested: this.#options.contested(registered),
      conflict: this.#options.conflict?.(name),
      nowMs: now(),
    });
    const isClaim =
      tunnel !== undefined && status.tunnel?.connected === true && status.tunnel.gateway === gateway;
    if (sameStatus(registered.status, status)) {
      if (isClaim) tunnels.claimed(name, tunnel.session);
      return;
    }
    try {
      // Whole, not as a patch: a conflict means that it has changed, and that change leads here again.
      await kubernetes.replace(registeredNodes, { ...registered, status }, 'status');
      if (isClaim) tunnels.claimed(name, tunnel.session);
    } catch (error) {
      if (isFailure(error, 'NotFound', 'Conflict')) return;
      throw error;
    }
    for (const note of upgradeEvents(registered.status ?? {}, status)) {
      recordEvent(registeredNodes, { name, uid }, note);
    }
    const shared = status.conditions?.find(({ type }) => type === 'IdentityUnique');
    if (
      status.identityConflict &&
      shared &&
      !isDeepStrictEqual(registered.status?.identityConflict, status.identityConflict)
    ) {
      const { reason, message = '' } = shared;
      recordEvent(registeredNodes, { name, uid }, { type: 'Warning', reason, message });
    }
    const was = registered.status?.tunnel?.connected ?? false;
    const is = status.tunnel?.connected ?? false;
    if (was !== is) {
      const note = told(is ? 'TUNNEL_CONNECTED' : 'TUNNEL_LOST', {
        gateway: status.tunnel?.gateway ?? gateway,
      });
      recordEvent(registeredNodes, { name, uid }, { type: is ? 'Normal' : 'Warning', ...note });
    }
    // Of the Node, where `kubectl describe node` shows them; the kubelet names itself as the uid there, too.
    if (this.#isForeign(registered)) return;
    for (const note of healthNotes(registered.status?.conditions ?? [], status.conditions ?? [])) {
      recordEvent(nodes, { name, uid: name }, note);
    }
  }

  #sendDesired(name: string, desired: DesiredState | undefined): void {
    const { tunnels, logger } = this.#options;
    const state = tunnels.get(name);
    if (!desired || !state?.connected) return;
    const told = this.#told.get(name);
    if (told?.session === state.session && told.revision === desired.revision) return;
    if (!tunnels.send(name, { kind: 'desired', desired })) return;
    this.#told.set(name, { session: state.session, revision: desired.revision });
    logger.info({ node: name, revision: desired.revision }, 'desired state sent');
  }

  /** An agent can't see it itself: its kubelet goes on as if a deleted Node were there. */
  #sendNode(registered: RegisteredNode): void {
    const { tunnels } = this.#options;
    const { name } = registered.metadata;
    const state = tunnels.get(name);
    if (!state?.connected) return;
    const found = this.#ownNode(registered);
    const conflict = this.#options.conflict?.(name);
    const message: ControlMessage = {
      kind: 'node',
      ready: readyOf(found),
      message: readyMessage(found),
      ...(conflict && { conflict }),
    };
    const node = JSON.stringify(message);
    const told = this.#toldNode.get(name);
    if (told?.session === state.session && told.node === node) return;
    if (tunnels.send(name, message)) this.#toldNode.set(name, { session: state.session, node });
  }

  #ownNode(registered: RegisteredNode): NodeObject | undefined {
    return ownNode(registered, this.#options.nodes(registered.metadata.name));
  }

  /** There is a Node of that name, and it is somebody else's. */
  #isForeign(registered: RegisteredNode): boolean {
    return this.#options.nodes(registered.metadata.name) !== undefined && !this.#ownNode(registered);
  }

  async #writeNode(registered: RegisteredNode): Promise<void> {
    const { name, uid } = registered.metadata;
    if (this.#isForeign(registered)) {
      const note = { type: 'Warning', ...told('NODE_NOT_OURS', { name }) } as const;
      this.#options.recordEvent(registeredNodes, { name, uid }, note);
    }
    const node = this.#ownNode(registered);
    if (!node) return;
    const pool = this.#pool(registered.spec.pool);
    await writeNodeObject(this.#options.kubernetes, registered, node, {
      labels: nodeLabels(pool, registered.spec),
      taints: nodeTaints(pool.spec, registered.spec),
      unschedulable: registered.spec.unschedulable ?? false,
    });
  }

  /** Of the registration as it is by now, which another replica may have written. */
  async #writeNodeConditions(name: string): Promise<void> {
    const { kubernetes, logger } = this.#options;
    const registered = this.#options.registered(name);
    const node = registered && this.#ownNode(registered);
    const patch = node && nodeConditionsPatch(node, registered.status?.conditions ?? []);
    if (!patch) return;
    try {
      await kubernetes.patch(nodes, name, patch, { subresource: 'status', type: 'strategic' });
    } catch (error) {
      if (!isFailure(error, 'NotFound', 'Conflict', 'Forbidden')) throw error;
      // Rights of an older release: everything else works, and `setup` run again gives this one.
      if (isFailure(error, 'Forbidden'))
        logger.warn({ node: name }, 'conditions of the Node need nodes/status');
    }
  }

  /** A kubelet that is Ready has its certificate; from now on none is approved for the token. */
  async #forgetBootstrapToken(registered: RegisteredNode): Promise<void> {
    const id = registered.status?.bootstrapTokenId;
    const node = this.#ownNode(registered);
    const joinedAt = Date.parse(registered.status?.joinedAt ?? '');
    const created = Date.parse(node?.metadata.creationTimestamp ?? '');
    // The Node must be the one of this join, not one left from before.
    if (!id || readyOf(node) !== 'True' || !(created >= joinedAt - 1000)) return;
    const { kubernetes } = this.#options;
    const { name } = registered.metadata;
    await update(kubernetes, registeredNodes, { name, subresource: 'status' }, (current) => {
      if (current.status?.bootstrapTokenId !== id) return undefined;
      const { bootstrapTokenId: _, ...status } = current.status;
      return { ...current, status };
    });
  }
}
