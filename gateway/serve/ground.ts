// What the gateway stands on: a signed store, a cluster that is set up, the CA, and certificates of its own.
// It is looked at before anything is opened; what is wrong here ends the start.
import { ArtifactStore } from '../artifacts/store.ts';
import { Authority } from '../join/authority.ts';
import {
  issueReplicaCertificate,
  issueServingCertificate,
  type ServingCertificate,
} from '../port/serving-certificate.ts';
import { registeredNodes } from '../resources/registered-node.ts';
import { requireInstalled } from '../setup/installed.ts';
import { assertSetUp } from '../setup/setup.ts';
import type { Given } from './given.ts';
import { reachable } from './wait-for-kubernetes.ts';

export interface Ground {
  readonly store: ArtifactStore;
  readonly authority: Authority;
  /** Of the public port. */
  readonly certificate: ServingCertificate;
  /** Of the door for replicas, and of the links to theirs. */
  readonly replicaCertificate: ServingCertificate;
}

export async function layGround(given: Given): Promise<Ground> {
  const { options, kubernetes, logger, now, signal, life } = given;
  const store = new ArtifactStore(options.artifacts, options.artifactKeySha256);
  await store.manifest();
  await reachable(kubernetes, () => assertSetUp(() => kubernetes.list(registeredNodes)), logger, signal);
  await reachable(kubernetes, () => requireInstalled(kubernetes, 'outdated'), logger, signal);
  signal.throwIfAborted();

  const authority = await Authority.open(kubernetes, now, { nodeMs: options.certificateLifetime });
  const certificate = await issueServingCertificate(authority, new URL(options.publicUrl), logger, now);
  life.defer(() => certificate.stop());
  const replicaCertificate = await issueReplicaCertificate(authority, options.name, logger, now);
  life.defer(() => replicaCertificate.stop());
  return { store, authority, certificate, replicaCertificate };
}
