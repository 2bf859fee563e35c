// What `serve` can be told, with defaults and limits; a wrong value is a USAGE fault that names the flag.

import { hostname } from 'node:os';
import { z } from 'zod';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { bundleOf } from '../../protocol/formats/certificates.ts';
import { holdsCredential } from '../../protocol/url-credential.ts';
import { duration } from '../cli/parse.ts';
import { nodeLifetimeMs } from '../join/authority.ts';
import type { ClusterConnection } from '../kubernetes/connect.ts';
import type { OfGateway } from '../pools/desired-state.ts';
import { placeLimits } from '../port/limits.ts';
import { parseListen } from '../port/listen.ts';
import { remoteWriteFlagsSchema } from '../telemetry/remote-write/flags.ts';

const dayMs = 24 * 3600_000;

const listenSchema = z.string().transform((text, context) => {
  const parsed = parseListen(text);
  if (parsed) return parsed;
  context.addIssue({ code: 'custom', message: `"${text}" is not ADDRESS:PORT` });
  return z.NEVER;
});

const httpsUrlSchema = z
  .url({ protocol: /^https$/, error: 'must be an https URL' })
  .refine((text) => !holdsCredential(text), 'must hold no user and password')
  .transform((text) => text.replace(/\/+$/, ''));

const durationSchema = z.string().transform((text, context) => {
  try {
    const milliseconds = duration(text);
    if (milliseconds >= 10_000 && milliseconds <= 3650 * dayMs) return milliseconds;
    context.addIssue({ code: 'custom', message: `${text} is not within 10s to 3650d` });
  } catch (error) {
    context.addIssue({ code: 'custom', message: `"${text}" is not ${(error as Error).message}` });
  }
  return z.NEVER;
});

const serveOptionsSchema = z.object({
  listen: listenSchema,
  publicUrl: httpsUrlSchema.refine((text) => new URL(text).pathname === '/', 'must have no path'),
  egressSocket: z.string().optional(),
  /** Line probes over UDP; default: port 8472 beside `listen`. */
  probeListen: z.union([z.literal('off'), listenSchema]).optional(),
  artifacts: z.string(),
  artifactKeySha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits')
    .optional(),
  metricsListen: listenSchema,
  apiServerUrl: httpsUrlSchema.optional(),
  auditFile: z.string().default('-'),
  /** Part of the name of a Lease, and of a certificate. */
  name: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9.-]{0,46}[a-z0-9])?$/, 'must be lower-case letters, digits, - and ., at most 48')
    .default(() => replicaName(hostname())),
  replicaListen: listenSchema.default(() => ({ host: '0.0.0.0', port: 9465 })),
  /** At which the other replicas reach it; default: an address of this machine. */
  replicaAddress: z
    .string()
    .refine((text) => parseListen(text) !== undefined && !text.startsWith(':'), 'must be HOST:PORT')
    .optional(),
  /** Without a node's certificate, handshakes included. */
  connectionsPerAddress: z.coerce
    .number()
    .int()
    .positive()
    .max(20_000)
    .default(placeLimits.strangersPerAddress),
  drainGrace: durationSchema.default(10_000),
  /** Of a node's certificate; it is renewed at two thirds of it. */
  certificateLifetime: durationSchema.default(nodeLifetimeMs),
  drainTimeoutMs: z.coerce.number().int().positive().default(300_000),
  /** Who shows this token may read the status port. */
  scrapeTokenFile: z.string().min(1).optional(),
  /** Roots of the kubelets' serving certificates; default: the API server's. */
  kubeletCaFile: z.string().min(1).optional(),
  ...remoteWriteFlagsSchema,
  /** After a start, agents get this long to come back before they are said to be gone. */
  settleMs: z.number().default(45_000),
  stopGraceMs: z.number().default(10_000),
});

/** Larger ones are told at a join alone: a desired state is one message. */
const bundleLimitBytes = 32 * 1024;

/**
 * What is the same for all pools. With an egress the API server reaches kubelets through their tunnels, so
 * that they need no other way in. The URL only as an operator gave it, for that of a kubeconfig may be one
 * that only this replica uses, and a node that changes replicas would change its API server.
 */
export function toldToHosts(
  { egressSocket, apiServerUrl: url }: Pick<ServeOptions, 'egressSocket' | 'apiServerUrl'>,
  { apiServerCaPem }: Pick<ClusterConnection, 'apiServerCaPem'>,
): OfGateway {
  const caPem = bundleOf(apiServerCaPem);
  const isToldCa = caPem !== '' && caPem.length <= bundleLimitBytes;
  return {
    kubeletAccess: egressSocket === undefined ? 'direct' : 'tunnel',
    apiServer: { ...(url !== undefined && { url }), ...(isToldCa && { caPem }) },
  };
}

/** On which this process listens for TCP. */
export function ownPorts(options: ServeOptions): readonly number[] {
  return [options.listen.port, options.metricsListen.port, options.replicaListen.port];
}

/** A host name as a replica may be called. */
function replicaName(host: string): string {
  const plain = host
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]/g, '-')
    .slice(0, 48);
  return plain.replace(/^[^a-z0-9]+/, '').replace(/[^a-z0-9]+$/, '') || 'gateway';
}

export type ServeOptions = z.infer<typeof serveOptionsSchema>;

export function parseServeOptions(flags: Readonly<Record<string, unknown>>): ServeOptions {
  const parsed = serveOptionsSchema.safeParse(flags);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const flag = String(issue?.path[0] ?? '').replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new Fault('USAGE', { detail: `--${flag}: ${issue?.message}` });
}
