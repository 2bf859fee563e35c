// One vitest run: its own reporter for people, and a JSON report for the closing line.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { succeeds } from './children.ts';
import { type Counts, fromVitest, wronglySkipped } from './tally.ts';

export async function runVitest(
  projects: readonly string[],
  files: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<Counts> {
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
      environment,
    );
    const text = await readFile(report, 'utf8').catch(() => '{}');
    const parsed: unknown = JSON.parse(text);
    const counts = fromVitest(parsed, succeeded);
    const skipped = process.env.CI === 'true' ? wronglySkipped(parsed) : [];
    for (const name of skipped) process.stdout.write(`left out, which CI does not allow: ${name}\n`);
    return {
      ...counts,
      failed: counts.failed + skipped.length,
      skipped: counts.skipped - skipped.length,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
