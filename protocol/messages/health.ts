// What ails a node, as the agent reports it and the gateway writes it down. A finding stays the same from
// the moment it becomes visible until it clears (its values are those that raised it), so that equal
// findings mean: nothing is new.
import { z } from 'zod';
import { shownText } from '../grammar.ts';

export const healthSeveritySchema = z.enum(['critical', 'warning']);

const healthFindingSchema = z.strictObject({
  /** Of the catalogue, or of a preflight check; `regnode explain CODE`. */
  code: z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/),
  /** Which text of a preflight check; the codes of the catalogue have one text. */
  problem: shownText(64).optional(),
  /** Type of the condition of the Node that this belongs to; several codes may share one. */
  condition: z.string().regex(/^[A-Z][A-Za-z0-9]{0,62}$/),
  severity: healthSeveritySchema,
  /** When it began, by the clock of the host. */
  since: shownText(40),
  dependsOn: z.array(shownText(64)).max(16),
  /** What it is a consequence of: the code of a finding that has no cause itself. */
  cause: shownText(64).optional(),
  values: z.record(z.string().regex(/^\w{1,64}$/), z.union([shownText(512), z.number()])),
  /** In English; a reader of another language has the code and the values. */
  message: shownText(1024),
  remedy: shownText(1024),
});

export const healthSchema = z.array(healthFindingSchema).max(64);

export type HealthSeverity = z.infer<typeof healthSeveritySchema>;
export type HealthFinding = z.infer<typeof healthFindingSchema>;
