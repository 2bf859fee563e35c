// Known advisories for the packages of package-lock.json, asked by `npm audit` from the registry that the
// machine is configured for. A registry that can't be reached, or does not answer this question, is told as
// such and never taken for good news.
import { z } from 'zod';
import { run } from '../machine/command.ts';

export type Advisories =
  | { readonly kind: 'none' }
  | { readonly kind: 'found'; readonly lines: readonly string[] }
  | { readonly kind: 'not-asked'; readonly reason: string };

const timeoutMs = 60_000;

const reportSchema = z.object({
  auditReportVersion: z.literal(2),
  vulnerabilities: z.record(
    z.string(),
    z.object({
      via: z.array(
        z.union([
          z.string(),
          z.object({ title: z.string(), url: z.string(), severity: z.string(), range: z.string() }),
        ]),
      ),
    }),
  ),
});
const failureSchema = z.object({ message: z.string() });

export async function knownAdvisories(
  root: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Advisories> {
  const args = ['audit', '--json', '--fetch-retries=0', '--fetch-timeout=30000'];
  const { stdout, stderr, timedOut } = await run('npm', args, {
    cwd: root,
    environment,
    timeoutMs,
    allowFailure: true,
  });
  if (timedOut) return { kind: 'not-asked', reason: `npm audit took longer than ${timeoutMs / 1000} s` };
  return readAnswer(stdout) ?? { kind: 'not-asked', reason: firstLine(stderr) || 'npm audit said nothing' };
}

/** What `npm audit --json` printed; undefined where it is neither a report nor an error of npm's. */
export function readAnswer(stdout: string): Advisories | undefined {
  const printed = parsed(stdout);
  const report = reportSchema.safeParse(printed);
  if (!report.success) {
    const failure = failureSchema.safeParse(printed);
    return failure.success ? { kind: 'not-asked', reason: firstLine(failure.data.message) } : undefined;
  }
  const lines = Object.entries(report.data.vulnerabilities).flatMap(([name, { via }]) =>
    // A string names the package through which this one is affected, which has a line of its own.
    via.flatMap((cause) =>
      typeof cause === 'string'
        ? []
        : [`${name} ${cause.range} (${cause.severity}): ${cause.title}, ${cause.url}`],
    ),
  );
  return lines.length === 0 ? { kind: 'none' } : { kind: 'found', lines };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
