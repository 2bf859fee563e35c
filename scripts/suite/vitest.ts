// One vitest run: its own reporter for people, and a JSON report for the closing line.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { succeeds } from './children.ts';
import {
  add,
  type Counts,
  failedFiles,
  failuresOf,
  fromVitest,
  nothing,
  withoutFiles,
  wronglySkipped,
} from './tally.ts';

type Environment = Readonly<Record<string, string>>;

/** Failures of so many files are no coincidence, and are not looked at twice. */
const mostFilesTwice = 3;

/**
 * Real hosts, real sockets and chance, several files side by side on a machine of unknown speed: a file that failed is run
 * once more, alone. What fails again has failed; what passes is counted as passed, and named, because it deserves a look.
 */
export async function runVitest(
  projects: readonly string[],
  files: readonly string[] = [],
  environment: Environment = {},
): Promise<Counts> {
  const first = await reportOf(projects, files, environment);
  const failed = failedFiles(first.report);
  if (failed.length === 0 || failed.length > mostFilesTwice) return countsOf(first);
  let counts = countsOf({ report: withoutFiles(first.report, failed), succeeded: true });
  for (const file of failed) {
    process.stdout.write(`once more, alone: ${file}\n`);
    const second = countsOf(await reportOf(projects, [file], environment));
    const [why = file] = failuresOf(first.report, file);
    const remark = `${second.failed === 0 ? 'passed only when alone' : 'before, beside others'}: ${why}`;
    process.stdout.write(`${remark}\n`);
    counts = add(add(counts, { ...nothing, remarks: [remark] }), second);
  }
  return counts;
}

interface Finished {
  readonly report: unknown;
  readonly succeeded: boolean;
}

function countsOf({ report, succeeded }: Finished): Counts {
  const counts = fromVitest(report, succeeded);
  const skipped = process.env.CI === 'true' ? wronglySkipped(report) : [];
  return {
    ...counts,
    failed: counts.failed + skipped.length,
    skipped: counts.skipped - skipped.length,
    remarks: [...counts.remarks, ...skipped.map((name) => `left out, which CI does not allow: ${name}`)],
  };
}

async function reportOf(
  projects: readonly string[],
  files: readonly string[],
  environment: Environment,
): Promise<Finished> {
  const folder = await mkdtemp(join(tmpdir(), 'regnode-suite-'));
  const report = join(folder, 'report.json');
  try {
    const succeeded = await succeeds(
      'vitest',
      [
        'run',
        ...projects.flatMap((name) => ['--project', name]),
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${report}`,
        ...files,
      ],
      // Programs that the tests start are compiled once: a gateway or a regnodectl starts at half the price.
      { NODE_COMPILE_CACHE: join(folder, 'compiled'), ...environment },
    );
    const text = await readFile(report, 'utf8').catch(() => '{}');
    return { report: JSON.parse(text), succeeded };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
