// The shape of what `regnode doctor --json` prints; report.schema.json is kept equal to it by a test. Within
// a version of `schema` fields are only ever added.
import { z } from 'zod';
import { checkCodes } from '../preflight/messages/index.ts';
import { explainedReportSchema, reportSchema } from '../preflight/report-schema.ts';
import { hopNames } from './hops.ts';

export const doctorSchemaVersion = 1;

const hopSchema = z.strictObject({
  hop: z.enum(hopNames),
  /** `skip`: nothing is known, since what it hangs on is broken. */
  verdict: z.enum(['ok', 'warn', 'fail', 'skip']),
  /** When it was last seen to work; absent when it never was. */
  workedAt: z.iso.datetime().optional(),
  checks: z.array(explainedReportSchema.shape.checks.element),
});

export const doctorReportSchema = z.strictObject({
  schema: z.literal(doctorSchemaVersion),
  verdict: z.enum(['well', 'unwell']),
  language: z.enum(['en', 'zh']),
  startedAt: z.iso.datetime(),
  durationMs: z.number(),
  host: reportSchema.shape.host,
  node: z.strictObject({ name: z.string(), pool: z.string(), gateway: z.string() }),
  /** The first that is broken and nobody's consequence; absent when all is well. */
  cause: z.strictObject({ hop: z.enum(hopNames), code: z.enum(checkCodes) }).optional(),
  /** What is different from when the broken hop and those before it last worked. */
  changes: z.array(
    z.strictObject({ hop: z.enum(hopNames), what: z.string(), was: z.string(), is: z.string() }),
  ),
  /** What the journals tell of the time since. */
  events: z.array(z.strictObject({ at: z.iso.datetime(), unit: z.string(), text: z.string() })),
  hops: z.array(hopSchema),
});

export type DoctorReport = z.infer<typeof doctorReportSchema>;
export type HopReport = z.infer<typeof hopSchema>;

/** What report.schema.json must hold. */
export function doctorJsonSchema(): unknown {
  return {
    title: 'regnode doctor --json',
    ...z.toJSONSchema(doctorReportSchema, { target: 'draft-2020-12' }),
  };
}
