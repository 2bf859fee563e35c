// One vitest run: its own reporter for people, and a JSON report for the closing line.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { succeeds } from './children.ts';
import { flakyFiles, mayRunAgain } from './flaky.ts';
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

/**
 * What fails has failed. Only an e2e file that is listed with a reason and a day (flaky.ts) is run once more,
 * alone; what passes then is counted as passed, and the closing line says how many there were.
 */
export async function runVitest(
  projects: readonly string[],
  files: readonly string[] = [],
  environment: Environment = {},
): Promise<Counts> {
  const first = await reportOf(projects, files, environment);
  const again = failedFiles(first.report).filter((file) => mayRunAgain(flakyFiles, file));
  if (again.length === 0) return countsOf(first);
  const others = failedFiles(first.report).length > again.length;
  let counts = countsOf({ report: withoutFiles(first.report, again), succeeded: !others });
  for (const file of again) {
    process.stdout.write(`listed as flaky, once more and alone: ${file}\n`);
    const second = countsOf(await reportOf(projects, [file], environment));
    const [why = file] = failuresOf(first.report, file);
    const remark = `${second.failed === 0 ? 'passed only when run again' : 'before it was run again'}: ${why}`;
    process.stdout.write(`${remark}\n`);
    counts = add(add(counts, { ...nothing, again: 1, remarks: [remark] }), second);
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
