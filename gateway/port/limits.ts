// The limits of the public port, each with its unit in its name. places.ts says
// what those of connections mean.
import type { PlaceLimits } from './places.ts';

export const placeLimits: PlaceLimits = {
  strangers: 2_000,
  strangersPerAddress: 256,
  /** An agent has a tunnel or two, a few requests and downloads. */
  perNode: 32,
  handshakes: { burst: 2_000, perSecond: 200 },
  handshakesOfNode: { burst: 400, perSecond: 10 },
  handshakesOfUnknown: { burst: 10_000, perSecond: 400 },
  /** Many hosts may be behind one address: what is theirs is given back as soon as each has shown itself. */
  handshakesKept: { burst: 100, perSecond: 2 },
  handshakesOfKnown: { burst: 5_000, perSecond: 200 },
  promptHandshakeMs: 2_000,
  strangerLifetimeMs: 60_000,
  leastBytesPerSecond: 1024,
  keptForKnownAddress: 16,
  rememberedAddresses: 10_000,
};

/** Replicas, which show a certificate, and whoever else finds the port. */
export const doorPlaces: PlaceLimits = {
  ...placeLimits,
  strangers: 128,
  strangersPerAddress: 32,
  perNode: 64,
  handshakes: { burst: 1_000, perSecond: 100 },
  handshakesOfNode: { burst: 10_000, perSecond: 1_000 },
};

/** Prometheus, probes and people, mostly of this machine. */
export const statusPlaces: PlaceLimits = {
  ...placeLimits,
  strangers: 512,
  strangersPerAddress: 256,
  handshakes: { burst: 2_000, perSecond: 200 },
};

export const limits = {
  bodyBytes: 64 * 1024,
  /** Members and elements in a body: a join has sixty, and each costs some microseconds to check. */
  bodyItems: 256,
  headerBytes: 16 * 1024,
  headersTimeoutMs: 10_000,
  /** For receiving a whole request; answers (a drain, an artifact) may take longer. */
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 15_000,
  handshakeTimeoutMs: 10_000,
  connections: 20_000,
  /** Requests of one connection that may wait for the answer before them. */
  waitingRequests: 8,
  sweepMs: 5_000,
  /** Refused joins: this many at once, then one in three seconds. */
  refusals: { burst: 20, perSecond: 1 / 3 },
  /** Of all machines that come with one good token. */
  refusalsOfToken: { burst: 200, perSecond: 5 },
  /** Of one node. */
  renewals: { burst: 10, perSecond: 1 / 10 },
  /** Of one node: a join looks twice a second whether it is Ready, for a while seven times. */
  questions: { burst: 200, perSecond: 3 },
  /** Of one node: drain, uncordon, deregister. */
  changes: { burst: 20, perSecond: 1 / 10 },
  /** A host that lost its answer asks again for what is still under way. */
  changesAtOnce: 8,
  rememberedAddresses: 10_000,
  rememberedNodes: 20_000,
  /** The same refusal of the same address is audited once in this time; the counters count all. */
  repeatedAuditMs: 60_000,
  /** Of refusals of all addresses, which who has a network of IPv6 makes up as it likes. */
  refusalsTold: { burst: 500, perSecond: 1 },
  /** Of those that come with one good token, and of all with a certificate of ours: strangers hide none. */
  refusalsToldOfToken: { burst: 100, perSecond: 1 / 6 },
  refusalsToldOfCertificates: { burst: 500, perSecond: 1 },
  /**
   * All requests with one certificate of ours, or of one registered node; dear ones have a budget besides.
   */
  certified: { burst: 2_000, perSecond: 50 },
  /** Requests without a certificate, of one address: a thousand hosts may join from behind one. */
  anonymous: { burst: 20_000, perSecond: 200 },
  anonymousInAll: { burst: 40_000, perSecond: 1_000 },
  /** A peer that takes no byte of an answer for this long is cut off. */
  stalledAnswerMs: 60_000,
} as const;
