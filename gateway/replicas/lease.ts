// This replica's Lease in regnode-system: that it lives, and where the other replicas find it. One Lease
// for each replica, renewed every few seconds, whatever the number of nodes; which replica holds a node
// stands in the node's registration and is written when it changes. The Lease is taken away at an orderly
// end and runs out after any other.
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { type Lease, leases } from '../kubernetes/kinds.ts';
import { isFailure, type Kubernetes, update } from '../kubernetes/kubernetes.ts';
import { gatewayNamespace } from '../kubernetes/names.ts';

export const replicaLabel = 'regnode.io/replica';
export const addressAnnotation = 'regnode.io/replica-address';
export const drainingAnnotation = 'regnode.io/draining';
/** Tells two processes of one name apart. */
const instanceAnnotation = 'regnode.io/instance';

export const leaseMs = 15_000;
const renewMs = 5_000;

export interface ReplicaLeaseOptions {
  readonly kubernetes: Kubernetes;
  readonly name: string;
  /** `host:port` of the door for replicas. */
  readonly address: string;
  readonly logger: Logger;
  readonly now: () => number;
  /** Another process goes by this name. */
  readonly onTaken: (fault: Fault) => void;
  readonly renewMs?: number;
}

export class ReplicaLease {
  readonly #options: ReplicaLeaseOptions;
  readonly #instance = randomBytes(8).toString('hex');
  #draining = false;
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> = Promise.resolve();

  constructor(options: ReplicaLeaseOptions) {
    this.#options = options;
  }

  /** Writes the Lease, over one that an earlier process of this name has left. */
  async take(): Promise<void> {
    const { kubernetes } = this.#options;
    try {
      await kubernetes.create(leases, this.#object());
    } catch (error) {
      if (!isFailure(error, 'AlreadyExists')) throw error;
      await update(kubernetes, leases, this.#key, (found) => this.#object(found));
    }
    this.#timer = setInterval(() => this.#renewSoon(), this.#options.renewMs ?? renewMs);
    this.#timer.unref();
  }

  /** From now on the others do not count on this replica for anything new. */
  async drain(): Promise<void> {
    this.#draining = true;
    await this.#renew();
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
    const { kubernetes, logger } = this.#options;
    const { name, namespace } = this.#key;
    try {
      const found = await kubernetes.get(leases, name, namespace);
      const { uid } = found?.metadata ?? {};
      if (found && this.#isMine(found))
        await kubernetes.remove(leases, name, { namespace, ...(uid ? { uid } : {}) });
    } catch (error) {
      // It runs out by itself.
      logger.warn({ err: error }, 'the lease of this replica was not taken away');
    }
  }

  get #key(): { name: string; namespace: string } {
    return { name: `regnode-gateway.${this.#options.name}`, namespace: gatewayNamespace };
  }

  #renewSoon(): void {
    this.#renewing = this.#renew().catch((error: unknown) => {
      this.#options.logger.warn({ err: error }, 'the lease of this replica was not renewed');
    });
  }

  async #renew(): Promise<void> {
    const { kubernetes, name, onTaken } = this.#options;
    let taken = false;
    const renewed = await update(kubernetes, leases, this.#key, (found) => {
      taken = !this.#isMine(found);
      return taken ? undefined : this.#object(found);
    });
    // Somebody cleaned up: it is made again.
    if (!renewed) await kubernetes.create(leases, this.#object());
    if (!taken) return;
    clearInterval(this.#timer);
    onTaken(new Fault('REPLICA_NAME_TAKEN', { name }));
  }

  #isMine(lease: Lease): boolean {
    return lease.metadata.annotations?.[instanceAnnotation] === this.#instance;
  }

  #object(found?: Lease): Lease {
    const { name, address, now } = this.#options;
    const time = new Date(now()).toISOString().replace('Z', '000Z');
    const isMine = found !== undefined && this.#isMine(found);
    return {
      metadata: {
        ...found?.metadata,
        ...this.#key,
        labels: { 'app.kubernetes.io/name': 'regnode', [replicaLabel]: name },
        annotations: {
          [addressAnnotation]: address,
          [instanceAnnotation]: this.#instance,
          ...(this.#draining ? { [drainingAnnotation]: 'true' } : {}),
        },
      },
      spec: {
        holderIdentity: name,
        leaseDurationSeconds: leaseMs / 1000,
        acquireTime: isMine ? found.spec.acquireTime : time,
        renewTime: time,
        leaseTransitions: (found?.spec.leaseTransitions ?? 0) + (found && !isMine ? 1 : 0),
      },
    };
  }
}
