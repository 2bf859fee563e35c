// Reads the store again from time to time: a new manifest may mean a new desired state for every node
// and another key in join commands. When the store cannot be read or is not signed, that is logged,
// and joins are refused until it is right; nothing is offered from memory. A manifest that will
// expire soon is logged once a day.

import type { Logger } from 'pino';
import { background } from '../../protocol/defect.ts';
import type { ArtifactStore, StoredManifest } from './store.ts';

const intervalMs = 5000;
const dayMs = 24 * 3600_000;
const soonMs = 30 * dayMs;

export function watchStore(options: {
  readonly store: ArtifactStore;
  readonly logger: Logger;
  readonly now: () => number;
  readonly changed: () => void;
}): { stop(): void } {
  const { store, logger, now, changed } = options;
  let known: StoredManifest | undefined;
  let toldAtMs = Number.NEGATIVE_INFINITY;
  const lookOnce = async () => {
    try {
      const found = await store.manifest();
      if (known !== undefined && known !== found) changed();
      known = found;
      const leftMs = Date.parse(found.manifest.expiresAt) - now();
      if (leftMs > soonMs || now() - toldAtMs < dayMs) return;
      toldAtMs = now();
      const { serial, expiresAt } = found.manifest;
      logger.warn(
        { serial, expiresAt },
        'the manifest of the artifacts has to be signed again (bundle sign)',
      );
    } catch (error) {
      logger.error({ err: error }, 'artifact store cannot be used');
    }
  };
  const look = () => background('artifact store', lookOnce());
  look();
  const timer = setInterval(look, intervalMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
