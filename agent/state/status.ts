// /run/regnode/status.json: what the daemon knows, for `regnode status` and for people with jq. Written when
// it changes and with every sign of life; gone with the machine's run folder, so never older than the boot.
import { z } from 'zod';
import { healthSchema } from '../../protocol/messages/health.ts';
import { factsResponseSchema } from '../../protocol/messages/join.ts';
import {
  driftNoteSchema,
  nodePhaseSchema,
  nodeReadySchema,
  versionNoteSchema,
} from '../../protocol/messages/report.ts';
import { paths } from '../config/paths.ts';
import type { Host } from '../host/host.ts';
import { measurementSchema } from './line-measurement.ts';

export const daemonStatusSchema = z.object({
  version: z.literal(1),
  writtenAtMs: z.number(),
  pid: z.number(),
  nodeName: z.string(),
  pool: z.string(),
  gateway: z.string(),
  phase: nodePhaseSchema,
  detail: z.string(),
  tunnel: z.object({
    state: z.string(),
    proxy: z.string(),
    attempts: z.number(),
    lastFault: z.string(),
    /** The replica of the gateway that has the tunnel, as it calls itself. */
    replica: z.string().default(''),
    streams: z.number().default(0),
    /** Sent, not yet acknowledged, and kept for a resumption; never much more than the limit. */
    unacknowledgedBytes: z.number().default(0),
    unacknowledgedLimitBytes: z.number().default(0),
  }),
  certificate: z.object({ expiresAt: z.string(), renewsAt: z.string(), fault: z.string() }),
  /** As the gateway judged them last; absent while it has not, or is of a release that does not. */
  addresses: factsResponseSchema.optional(),
  /** How the cluster sees the node; absent while no gateway has said so. */
  cluster: z.object({ ready: nodeReadySchema, message: z.string() }).optional(),
  /** Absent while the container runtime was not asked, or has not answered. */
  pods: z.object({ assigned: z.number(), running: z.number() }).optional(),
  /** Another host has the key of this node: what this one is told of it. */
  conflict: z
    .object({ code: z.string(), values: z.record(z.string(), z.union([z.string(), z.number()])) })
    .optional(),
  reconcile: z.object({
    revision: z.string(),
    at: z.string(),
    steps: z.number(),
    fault: z.string(),
  }),
  /** Absent while not everything was looked at yet. */
  health: healthSchema.optional(),
  /** The daemon's last look at the private line. */
  line: measurementSchema.optional(),
  versions: z.record(z.string(), z.string()).default({}),
  upgrades: z.array(versionNoteSchema).default([]),
  drift: z.array(driftNoteSchema).default([]),
  /** Archives that wait to be unpacked, and parts of downloads. */
  store: z.object({ files: z.number(), bytes: z.number() }).default({ files: 0, bytes: 0 }),
  /** Absent while they were not asked yet. */
  services: z.object({ kubeletHealthy: z.boolean(), containerdHealthy: z.boolean() }).optional(),
  /** Mistakes of the daemon since its start that it has outlived. */
  defects: z.number().default(0),
  telemetry: z.object({
    produced: z.number(),
    acknowledged: z.number(),
    pending: z.number(),
    lost: z.number(),
  }),
});
export type DaemonStatus = z.infer<typeof daemonStatusSchema>;

export async function writeStatus(host: Host, status: DaemonStatus): Promise<void> {
  if ((await host.files.status(paths.run)) === undefined) await host.files.makeDirectory(paths.run, 0o755);
  await host.files.write(paths.status, `${JSON.stringify(status)}\n`, { mode: 0o644 });
}

/** undefined when no daemon has written one since the boot, or one of another release has. */
export async function readStatus(host: Host): Promise<DaemonStatus | undefined> {
  const text = await host.files.readText(paths.status);
  if (text === undefined) return undefined;
  try {
    return daemonStatusSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
