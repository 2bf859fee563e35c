// The shape of a preflight report, as `regnode preflight --json` prints it: one zod schema gives the type
// here and the JSON schema for everybody else (report.schema.json, made by `npm run schemas`). Fields are
// only ever added within a version of `schema`; a field that changes its meaning makes a new one.
import { z } from 'zod';
import { groups } from './check.ts';
import { checkCodes, skipReasonKeys } from './messages/index.ts';

export const reportSchemaVersion = 1;

const checkCodeSchema = z.enum(checkCodes);

const checkResultSchema = z.strictObject({
  code: checkCodeSchema,
  id: z.string(),
  group: z.enum(groups),
  severity: z.enum(['blocking', 'advisory']),
  verdict: z.enum(['ok', 'warn', 'fail', 'skip']),
  /** Named by --ignore: shown, and not counted. */
  ignored: z.boolean(),
  evidence: z.strictObject({ measured: z.string(), threshold: z.string() }),
  values: z.record(z.string(), z.union([z.string(), z.number()])),
  problem: z.string().optional(),
  /** Why it was skipped; `muted` names its cause. */
  reason: z.enum(skipReasonKeys).optional(),
  cause: checkCodeSchema.optional(),
  durationMs: z.number(),
});

export const reportSchema = z.strictObject({
  schema: z.literal(reportSchemaVersion),
  /** `can-join` also when there are warnings, unless --fail-on-warnings. */
  verdict: z.enum(['can-join', 'cannot-join']),
  startedAt: z.iso.datetime(),
  durationMs: z.number(),
  host: z.strictObject({
    hostname: z.string(),
    operatingSystem: z.string(),
    kernel: z.string(),
    architecture: z.string(),
  }),
  context: z.strictObject({
    gatewayUrl: z.string().optional(),
    pool: z.string().optional(),
    nodeName: z.string().optional(),
    networkMode: z.enum(['cilium', 'external']).optional(),
    kubernetesVersion: z.string().optional(),
  }),
  counts: z.strictObject({
    ok: z.number(),
    warn: z.number(),
    fail: z.number(),
    skip: z.number(),
    ignored: z.number(),
  }),
  /** Not run, by --only or --skip: the verdict says nothing about them. */
  leftOut: z.array(checkCodeSchema),
  /** What stands in the way, the first to repair first. Empty when the host can join. */
  firstToRepair: z.array(checkCodeSchema),
  checks: z.array(checkResultSchema),
});

/** A report with the texts of one language: what is wrong, what to do, the commands to paste. */
export const explainedReportSchema = z.strictObject({
  ...reportSchema.shape,
  language: z.enum(['en', 'zh']),
  checks: z.array(
    z.strictObject({
      ...checkResultSchema.shape,
      title: z.string(),
      message: z.string(),
      remedy: z.string(),
      commands: z.array(z.string()),
    }),
  ),
});

export type CheckResult = z.infer<typeof checkResultSchema>;
export type PreflightReport = z.infer<typeof reportSchema>;
export type ExplainedReport = z.infer<typeof explainedReportSchema>;

/** What report.schema.json must hold. */
export function reportJsonSchema(): unknown {
  return {
    title: 'regnode preflight --json',
    ...z.toJSONSchema(explainedReportSchema, { target: 'draft-2020-12' }),
  };
}
