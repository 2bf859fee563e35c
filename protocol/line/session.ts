// What a host gets over TLS before it may probe: a key for each address that it may probe from, good for a
// while. And the HTTPS part of the probing: time, a bounded source, a bounded sink. Before a join anybody
// may ask, after it the node.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

export const lineSessionPath = '/v1/line/session';
export const lineTimePath = '/v1/line/time';
export const lineSourcePath = '/v1/line/source';
export const lineSinkPath = '/v1/line/sink';
/** `id.expiresAtSeconds.mac`, of the key for the address that the connection comes from. */
export const lineTicketHeader = 'regnode-line';

/** The most that one request of source or sink moves. */
export const transferLimitBytes = 16 * 1024 * 1024;

/** Not strict: a newer gateway may say more. */
export const lineSessionSchema = z.object({
  session: z.string().regex(/^[0-9a-f]{16}$/),
  expiresAtSeconds: z.number().int(),
  /** From now: the clock of a host may be anything. */
  lifetimeMs: z.number().int(),
  /** The address that the connection came from: a proxy's, when there is one in the way. */
  address: z.string(),
  /** Base64; the first is that of `address`. */
  keys: z.array(z.object({ address: z.string(), key: z.string() })).max(16),
  /** undefined: this gateway answers no UDP. */
  udpPort: z.number().int().optional(),
  /** Where an `inbound` probe is answered to. */
  inboundPort: z.number().int(),
});

export const lineTimeSchema = z.object({ receivedAtMs: z.number(), answeredAtMs: z.number() });
export const lineSunkSchema = z.object({ bytes: z.number(), milliseconds: z.number() });

export type LineSession = z.infer<typeof lineSessionSchema>;

/**
 * One session from one address. Every replica of a gateway derives the same, so
 * none has to remember a session.
 */
export function lineKey(
  secret: Uint8Array,
  session: string,
  expiresAtSeconds: number,
  address: string,
): Buffer {
  return createHmac('sha256', secret).update(`${session}.${expiresAtSeconds}.${address}`).digest();
}

export function lineTicket(session: string, expiresAtSeconds: number, key: Uint8Array): string {
  return `${session}.${expiresAtSeconds}.${ticketMac(session, key).toString('hex')}`;
}

export function parseTicket(text: string | undefined) {
  const match = /^([0-9a-f]{16})\.(\d{1,10})\.([0-9a-f]{64})$/.exec(text ?? '');
  const [, session = '', expiry = '', mac = ''] = match ?? [];
  return match ? { session, expiresAtSeconds: Number(expiry), mac: Buffer.from(mac, 'hex') } : undefined;
}

export function isTicketOf(key: Uint8Array, session: string, mac: Uint8Array): boolean {
  return timingSafeEqual(ticketMac(session, key), mac);
}

function ticketMac(session: string, key: Uint8Array): Buffer {
  return createHmac('sha256', key).update(`http ${session}`).digest();
}
