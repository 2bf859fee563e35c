// What line probes may cost, each limit with its unit in its name. Nothing here can be used
// against somebody else: a datagram is answered only with the key of the address that it comes
// from, never by more bytes than it has.
const MiB = 1024 * 1024;

export const lineLimits = {
  /** Before a join, and of a node. */
  strangerSessionMs: 2 * 60_000,
  nodeSessionMs: 30 * 60_000,
  /** Sessions of one address (of IPv6: its /64, as everywhere here) or node. */
  sessions: { burst: 20, perSecond: 1 / 3 },
  /** Datagrams of one address. */
  datagrams: { burst: 1_000, perSecond: 200 },
  /** Of all together, counted before any signature is looked at. */
  totalDatagrams: { burst: 20_000, perSecond: 20_000 },
  /** Bytes of answers of all together. */
  totalAnswerBytes: { burst: 8 * MiB, perSecond: 8 * MiB },
  /** Source and sink: bytes of one address. */
  transferBytes: { burst: 64 * MiB, perSecond: MiB },
  /** Source and sink of all together; what is above waits. */
  totalTransferBytes: { burst: 256 * MiB, perSecond: 256 * MiB },
  transfersAtOnce: 16,
  transfersAtOncePerAddress: 2,
  transferTimeoutMs: 20_000,
  rememberedAddresses: 10_000,
} as const;
