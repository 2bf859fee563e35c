// `npm run audit`: licences of what is shipped, known advisories, and what nobody uses. It changes
// nothing. Exit codes: 0 all three were looked at and nothing was found, 1 something was found, 3
// nothing was found but the registry could not be asked for advisories (no network, or a mirror that
// does not answer this question).
import { run } from '../machine/command.ts';
import { runProgram } from '../machine/program.ts';
import { knownAdvisories } from './advisories.ts';
import { licenceFaults, shippedPackages } from './licences.ts';

const root = new URL('../..', import.meta.url).pathname;

await runProgram({ name: 'npm run audit' }, async () => {
  const outcomes = [auditLicences(), await auditAdvisories(), await auditUse()];
  if (outcomes.includes('found')) return 1;
  return outcomes.includes('not-asked') ? 3 : 0;
});

type Outcome = 'fine' | 'found' | 'not-asked';

function auditLicences(): Outcome {
  const packages = shippedPackages(root);
  const faults = licenceFaults(packages);
  if (faults.length === 0) return tell('ok', `licences: ${packages.length} shipped packages, all allowed`);
  return tell('fail', 'licences: not all are allowed', faults);
}

async function auditAdvisories(): Promise<Outcome> {
  const advisories = await knownAdvisories(root);
  if (advisories.kind === 'none') return tell('ok', 'advisories: none is known for the locked packages');
  if (advisories.kind === 'found') return tell('fail', 'advisories: some are known', advisories.lines);
  return tell('skip', 'advisories: not known, the registry could not be asked', [advisories.reason]);
}

async function auditUse(): Promise<Outcome> {
  for (const args of [[], ['--production']]) {
    const { exitCode, stdout, stderr } = await run('knip', args, { cwd: root, allowFailure: true });
    const lines = `${stdout}${stderr}`.trim().split('\n');
    if (exitCode !== 0) return tell('fail', ['use: knip', ...args, 'found something'].join(' '), lines);
  }
  return tell('ok', 'use: each file, export and dependency is used by something');
}

function tell(mark: 'ok' | 'fail' | 'skip', text: string, details: readonly string[] = []): Outcome {
  process.stdout.write([`[${mark}] ${text}`, ...details.map((line) => `       ${line}`), ''].join('\n'));
  return ({ ok: 'fine', fail: 'found', skip: 'not-asked' } as const)[mark];
}
