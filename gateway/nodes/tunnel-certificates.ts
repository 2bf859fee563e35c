// Which certificate each tunnel here was opened with. Its use is what makes the certificates before it void;
// and a tunnel whose certificate is struck from the registration is closed at that moment, streams and all.
import type { Logger } from 'pino';
import { retireBefore } from '../join/renewal.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import type { RegisteredNode } from '../resources/registered-node.ts';

export interface TunnelCertificatesOptions {
  readonly kubernetes: Kubernetes;
  readonly logger: Logger;
  readonly registered: (name: string) => RegisteredNode | undefined;
  readonly close: (name: string, reason: string) => void;
}

interface Change {
  readonly name: string;
  readonly object: RegisteredNode | undefined;
  readonly previous?: RegisteredNode | undefined;
}

export class TunnelCertificates {
  readonly #options: TunnelCertificatesOptions;
  readonly #serials = new Map<string, string>();

  constructor(options: TunnelCertificatesOptions) {
    this.#options = options;
  }

  /** What is shown now is asked about when a session is to begin with it, which may be seconds later. */
  shown(name: string, serial: string): { isGood(): boolean; inUse(): void } {
    const wasListed = this.#lists(name, serial);
    return {
      isGood: () => !wasListed || this.#lists(name, serial),
      inUse: () => this.opened(name, serial),
    };
  }

  opened(name: string, serial: string): void {
    const { kubernetes, registered, logger } = this.#options;
    this.#serials.set(name, serial);
    // A certificate that our copy does not list yet has just been made, so there is one before it.
    if (registered(name)?.status?.certificateSerials?.[0] === serial) return;
    retireBefore(kubernetes, name, serial).then(
      (found) => {
        if (found === 'retired')
          logger.info({ node: name, serial }, 'certificate in use, the one before it is void');
        if (found !== 'unlisted' || this.#serials.get(name) !== serial) return;
        this.#serials.delete(name);
        this.#options.close(name, 'its certificate was revoked');
      },
      // The next connection tries again; until then both are good.
      (error: unknown) => logger.warn({ err: error, node: name }, 'old certificate not retired'),
    );
  }

  #lists(name: string, serial: string): boolean {
    return this.#options.registered(name)?.status?.certificateSerials?.includes(serial) ?? false;
  }

  /** For the watcher of registrations. Only what was listed and is no more counts: a copy may lag behind. */
  changed({ name, object, previous }: Change): void {
    const serial = this.#serials.get(name);
    if (serial === undefined) return;
    const lists = (node: RegisteredNode | undefined) =>
      node?.status?.certificateSerials?.includes(serial) ?? false;
    if (!lists(previous) || lists(object)) return;
    this.#serials.delete(name);
    this.#options.close(name, object ? 'its certificate was revoked' : 'the node was removed');
  }
}
