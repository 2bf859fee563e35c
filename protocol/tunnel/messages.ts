// Payloads of HELLO, OPEN and OPEN_ERR: small JSON, parsed and never trusted. The agent's HELLO names the
// session that it wants to go on with; the gateway's answer says whether it does. Any of them may carry keys
// of a later release, which are left out.
import { z } from 'zod';
import { Fault } from '../catalogue/fault.ts';
import { parseJson, peerDepthLimit } from '../json.ts';
import { machineSchema } from '../messages/machine.ts';
import { readFromPeer } from '../messages/newer-peer.ts';
import type { StreamTarget } from '../messages/session.ts';
import { framePayloadLimitBytes } from './limits.ts';
import { invalid } from './violation.ts';

export const tunnelVersion = 1;

const hex = z.string().regex(/^[0-9a-f]{32}$/);
const count = z.number().int().nonnegative();

/** agent → gateway, first message of every connection. */
export const agentHelloSchema = z.object({
  version: z.literal(tunnelVersion),
  /** Made once by each agent process. */
  instance: hex,
  /** Counts this instance's connections; a newer one supersedes an older one. */
  epoch: count,
  /** The session to go on with, '' for none, and the last sequence number received in it. */
  session: z.union([hex, z.literal('')]),
  received: count,
  /** Which machine it is. Who says so understands a refusal with a code. */
  machine: machineSchema.optional(),
});

/** gateway → agent, first message back. */
export const gatewayHelloSchema = z.object({
  version: z.literal(tunnelVersion),
  session: hex,
  resumed: z.boolean(),
  received: count,
  resumeWindowMs: count,
  /** The packed form of batches that this gateway reads; without it they come as they are. */
  packing: count.optional(),
  /** The name of this replica, for people. */
  gateway: z.string().max(253).optional(),
});

const openSchema = z.object({ target: z.string().min(1).max(512), reason: z.string().max(1024) });
const wireFaultSchema = z.object({
  code: z.string().max(64),
  values: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
});

/** gateway → agent, in place of its HELLO: there is no session, and why; then the connection ends. */
export const refusalSchema = z.object({ version: z.literal(tunnelVersion), refused: wireFaultSchema });
/** Whether it is one. */
export const answerSchema = z.object({ refused: z.unknown().optional() });

/**
 * A desired state with all that a pool may say has a thousand; the others, of 4 KiB, fewer than a hundred.
 */
const mostItems = 4096;
const mostItemsOfSmall = 256;

export type AgentHello = z.infer<typeof agentHelloSchema>;
export type Refusal = z.infer<typeof refusalSchema>;
export type GatewayHello = z.infer<typeof gatewayHelloSchema>;

export function encodeJson(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

export function decodeJson<T>(
  schema: z.ZodType<T>,
  payload: Uint8Array,
  what: string,
  items = mostItemsOfSmall,
): T {
  return checked(schema, readJson(payload, what, items), what);
}

/** Of a CONTROL frame. */
export const decodeControl = (payload: Uint8Array): unknown => readJson(payload, 'CONTROL', mostItems);

function readJson(payload: Uint8Array, what: string, items: number): unknown {
  const parsed = parseJson(payload, { bytes: framePayloadLimitBytes, depth: peerDepthLimit, items });
  if (!parsed.ok) throw invalid('payload', `${what}: ${parsed.why}`);
  return parsed.value;
}

export function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = readFromPeer(schema, value);
  if (!parsed.success) {
    const path = parsed.error.issues[0]?.path.join('.').slice(0, 120) ?? '';
    throw invalid(path === 'version' ? 'version' : 'payload', `${what}: ${path} is not as agreed`);
  }
  return parsed.data;
}

export const encodeOpen = (target: StreamTarget) =>
  encodeJson({ target: target.target.slice(0, 512), reason: target.reason.slice(0, 512) });
const mostItemsOfOpen = 32;

export const decodeOpen = (payload: Uint8Array): StreamTarget =>
  decodeJson(openSchema, payload, 'OPEN', mostItemsOfOpen);

/** A fault with long values is cut rather than lost. */
export function encodeRefusal(fault: Fault): Uint8Array {
  const values = Object.fromEntries(
    Object.entries(fault.values).map(([key, value]) => [
      key,
      typeof value === 'string' ? value.slice(0, 256) : value,
    ]),
  );
  return encodeJson({ code: fault.code, values });
}

export const decodeRefusal = (payload: Uint8Array): Fault =>
  Fault.fromWire(decodeJson(wireFaultSchema, payload, 'OPEN_ERR'));
