// The links to the other replicas, at most one for each process that goes by a name: a replica that was
// started again has another address or another connection, and the old link is over with the old process.

import type { Logger } from 'pino';
import type { StreamTarget } from '../../protocol/messages/session.ts';
import type { TunnelClock } from '../../protocol/tunnel/clock.ts';
import type { StreamEndpoint } from '../../protocol/tunnel/stream.ts';
import type { PortCertificate } from '../port/certificate.ts';
import { finishMs } from '../tunnel/draining.ts';

import { Link } from './link.ts';

export interface LinksOptions {
  readonly certificate: () => PortCertificate;
  readonly clock: TunnelClock;
  readonly logger: Logger;
}

export class Links {
  forwarded = 0;
  /** Links that ended, whatever the reason. */
  ended = 0;
  readonly #options: LinksOptions;
  readonly #links = new Map<string, Link>();

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  get streams(): number {
    return [...this.#links.values()].reduce((sum, { streams }) => sum + streams, 0);
  }

  open(
    to: { readonly replica: string; readonly address: string },
    target: StreamTarget,
    endpoint: StreamEndpoint,
  ): () => void {
    this.forwarded += 1;
    return this.#link(to).open(target, endpoint);
  }

  /**
   * Waits for the streams to end; after `graceMs` they get their FIN, and a few seconds
   * later what is left is reset.
   */
  async drain(graceMs: number): Promise<void> {
    await this.#idle(graceMs);
    for (const link of this.#links.values()) link.finish();
    await this.#idle(finishMs);
    for (const link of [...this.#links.values()]) link.end('this replica stops');
  }

  async #idle(limitMs: number): Promise<void> {
    const { clock } = this.#options;
    const beganMs = clock.nowMs();
    while (this.streams > 0 && clock.nowMs() - beganMs < limitMs) {
      await new Promise<void>((resolve) => clock.after(100, resolve));
    }
  }

  #link({ replica, address }: { replica: string; address: string }): Link {
    const key = `${replica} ${address}`;
    const found = this.#links.get(key);
    if (found) return found;
    const { clock, logger } = this.#options;
    const link: Link = new Link({
      replica,
      address,
      certificate: this.#options.certificate(),
      clock,
      onEnd: (reason) => {
        this.ended += 1;
        if (this.#links.get(key) === link) this.#links.delete(key);
        logger.info({ replica, address, reason }, 'link to a replica ended');
      },
    });
    this.#links.set(key, link);
    return link;
  }
}
