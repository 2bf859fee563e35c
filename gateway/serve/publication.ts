// What changes while the gateway runs, and where it is told: certificates that are renewed, a CA that is
// rotated, another issue of the artifacts. Certificates go to the ports, roots to the nodes, address and
// manifest to where regnodectl reads them.
import { watchStore } from '../artifacts/watch.ts';
import { publishAddress } from '../join/public-address.ts';
import type { PublicPort } from '../port/public-port.ts';
import { watchAuthority } from './authority-watch.ts';
import type { Given } from './given.ts';
import type { Ground } from './ground.ts';
import type { Neighbours } from './neighbours.ts';
import type { Sessions } from './sessions.ts';
import type { Upkeep } from './upkeep.ts';

type Parts = Given & Ground & Sessions & Neighbours & Pick<Upkeep, 'loops'>;

/** Resolves when the address has been published for the first time. */
export async function keepPublished(parts: Parts & { readonly publicPort: PublicPort }): Promise<void> {
  const { options, kubernetes, logger, now, life, publicPort } = parts;
  const { store, authority, certificate, replicaCertificate, hub, tellRoots, replicas, loops } = parts;
  let isWaiting = false;
  const publish = async () => {
    const { keySha256: artifactKeySha256, files } = await store.manifest();
    const { publicUrl } = options;
    const address = { publicUrl, caSha256: authority.caSha256, artifactKeySha256 };
    const isLive = (replica: string) => replicas.roster.isLive(replica);
    const refusal = await publishAddress(kubernetes, address, files, { name: options.name, isLive });
    isWaiting = refusal !== undefined;
    if (refusal) logger.error({ code: refusal.code, values: refusal.values }, refusal.message);
  };
  const publishSoon = () =>
    void publish().catch((error: unknown) =>
      logger.error({ err: error }, 'the key of the artifacts is not published'),
    );
  const authorityWatch = watchAuthority({
    ...{ kubernetes, authority, logger },
    changed: async () => {
      publicPort.renew(await certificate.renew());
      await replicaCertificate.renew();
      replicas.renew();
      await publish();
      for (const name of hub.nodes()) tellRoots(name);
    },
  });
  life.defer(() => authorityWatch.stop());
  certificate.keepFresh((tls) => publicPort.renew(tls));
  replicaCertificate.keepFresh(() => replicas.renew());

  await publish();
  const storeWatch = watchStore({
    ...{ store, logger, now },
    changed: () => {
      loops.reconcileAll();
      publishSoon();
    },
  });
  // The replica that keeps it may be gone by now.
  replicas.roster.onChange(() => {
    if (isWaiting) publishSoon();
  });
  life.defer(() => storeWatch.stop());
}
