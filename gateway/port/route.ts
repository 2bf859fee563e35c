// A route of the public port: who may ask, and what is done. Who the peer is comes
// from its certificate alone.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { Fault } from '../../protocol/catalogue/fault.ts';
import type { TokenBuckets } from '../../protocol/rate/token-bucket.ts';
import type { Counters } from '../audit/counters.ts';
import type { NodeIdentity, PeerCertificate } from '../join/client-certificate.ts';
import type { AnonymousPace } from './anonymous-pace.ts';

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Without the query. */
  readonly path: string;
  readonly address: string;
}

export type Route =
  | {
      readonly methods: readonly string[];
      /** Exact, or a prefix when it ends in `/`. */
      readonly path: string;
      readonly access: 'anybody';
      readonly run: (exchange: Exchange) => Promise<void> | void;
    }
  | {
      readonly methods: readonly string[];
      readonly path: string;
      /** `renewal`: a node whose certificate has expired within the grace is let in as well. */
      readonly access: 'node' | 'renewal';
      readonly run: (
        exchange: Exchange,
        node: NodeIdentity,
        certificate: PeerCertificate,
      ) => Promise<void> | void;
    };

type Identify = (certificate: PeerCertificate | undefined) => Promise<NodeIdentity>;

/** What the public port does with whoever has connected. */
export interface RouteTable {
  readonly routes: readonly Route[];
  readonly tunnelPath: string;
  readonly identify: Identify;
  readonly identifyForRenewal: Identify;
  readonly onTunnel: (
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    node: NodeIdentity,
    certificate: PeerCertificate,
  ) => void;
  /** The registered node that has shown itself on this connection. */
  readonly nodeOf?: (socket: Duplex) => string | undefined;
  /** Of requests with a certificate of ours; without it nobody waits. */
  readonly certified?: TokenBuckets;
  /** Of all requests with one of ours that is no registered node's: who was removed may have many. */
  readonly unlisted?: Pick<AnonymousPace, 'waitSeconds'>;
  /** Of requests without a certificate; without it nobody waits. */
  readonly anonymous?: Pick<AnonymousPace, 'waitSeconds'>;
  /** `isOurs`: whoever is refused has shown a certificate of our CA. */
  readonly onRefused: (fault: Fault, address: string, path: string, isOurs: boolean) => void;
  readonly counters: Pick<Counters, 'requests' | 'refusedConnections'>;
  readonly logger: Logger;
}

export const pathOf = (request: IncomingMessage) => (request.url ?? '/').split('?', 1)[0] ?? '/';
export const addressOf = (request: IncomingMessage) =>
  request.socket.remoteAddress?.replace(/^::ffff:/, '') ?? '';
