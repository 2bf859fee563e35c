// What an agent says of its node: one shape, from which come the message, the status of the RegisteredNode
// and what `node get` shows. Texts are cut to their length here; how much of a report may stand in the
// cluster is in gateway/nodes/report-bounds.ts.
import { z } from 'zod';
import { shownText } from '../grammar.ts';
import { healthSchema } from './health.ts';

export const nodePhaseSchema = z.enum(['Joining', 'Configuring', 'Running', 'Degraded', 'Leaving']);

/** Its Ready condition; Absent: there is no Node object. */
export const nodeReadySchema = z.enum(['True', 'False', 'Unknown', 'Absent']);

/**
 * A version that is being tried, was taken back, or can't be had on this host; of the component `settings`
 * other settings that restart a kubelet or a containerd. `waiting`: for the node's turn.
 */
export const versionNoteSchema = z.object({
  component: shownText(64),
  /** The version in use, and the desired one. */
  from: shownText(64),
  to: shownText(64),
  state: z.enum(['waiting', 'trying', 'rolled-back', 'held']),
  /** Of the catalogue; empty while it is being tried. */
  code: shownText(64).optional(),
  detail: shownText(1024).optional(),
  at: shownText(40),
});

/** Something on the host that isn't as it was made; `repaired` says whether it is again. */
export const driftNoteSchema = z.object({
  key: shownText(512),
  reason: shownText(512),
  repaired: z.boolean(),
  at: shownText(40),
});

/** A field that is new here is optional: agents of former releases do not say it. */
export const reportShape = {
  phase: nodePhaseSchema,
  revision: shownText(64),
  versions: z.record(z.string(), shownText(128)),
  detail: shownText(2048),
  /** What ails the node; absent while the agent has not looked at everything yet. */
  health: healthSchema.optional(),
  upgrades: z.array(versionNoteSchema).max(20).optional(),
  drift: z.array(driftNoteSchema).max(50).optional(),
};

const { health: _becomesConditions, ...statusShape } = reportShape;
/** What stands in the status of a RegisteredNode, where each may be missing. */
export const reportedStatusSchema = z.strictObject(statusShape).partial();

export type ReportBody = z.infer<z.ZodObject<typeof reportShape>>;
export type ReportedStatus = z.infer<typeof reportedStatusSchema>;
/**
 * Every field is named, though there may be nothing to say in one: whoever makes or
 * shows a report forgets none.
 */
export type Whole<T> = { readonly [Field in keyof Required<T>]: T[Field] };
export type VersionNote = z.infer<typeof versionNoteSchema>;
export type DriftNote = z.infer<typeof driftNoteSchema>;
export type NodePhase = z.infer<typeof nodePhaseSchema>;
