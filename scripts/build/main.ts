// `npm run build`: makes what a host installs, from nothing but this checkout and the machine's own Debian:
//   dist/regnode-<version>-linux-amd64.tar.gz   for install.sh and the gateway's artifact store
//   dist/regnode-<version>-1.x86_64.rpm         the same payload for rpm and yum
// The runtime (Node.js with its own C library) comes from the cache, so a second build takes seconds.
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { ensurePackages } from '../machine/apt.ts';
import { runProgram } from '../machine/program.ts';
import { createProgress } from '../machine/progress.ts';
import { assemblePayload } from './payload.ts';
import { buildRpm } from './rpm.ts';
import { runtimeFolder } from './runtime.ts';
import { packTarball } from './tarball.ts';

const usage = `usage: npm run build -- [--out DIR] [--entry FILE] [--release N] [--no-rpm]
  --out DIR      where the files go (default: dist)
  --entry FILE   another main program than agent/main.ts
  --version V    another version than package.json's, for tests of upgrades
  --release N    release number of the RPM (default: 1)
  --no-rpm       only the tar archive`;

process.chdir(new URL('../..', import.meta.url).pathname);
await runProgram({ name: 'scripts/build' }, async () => {
  const flags = readFlags();
  if (flags === undefined) {
    process.stderr.write(`${usage}\n`);
    return 2;
  }
  const { out, entry, release } = flags;
  const progress = createProgress();
  const version = flags.version ?? (await packageVersion());
  await ensurePackages(
    ['patchelf', 'binutils', 'gcc', 'libc6-dev', ...(flags['no-rpm'] ? [] : ['rpm'])],
    progress,
  );
  const runtime = await runtimeFolder(progress);
  const payload = await assemblePayload({ out, entry, version, runtime }, progress);
  await packTarball(payload, progress);
  if (!flags['no-rpm']) await buildRpm(payload, release, progress);
  return 0;
});

async function packageVersion(): Promise<string> {
  return (JSON.parse(await readFile('package.json', 'utf8')) as { version: string }).version;
}

function readFlags() {
  const options = {
    out: { type: 'string', default: 'dist' },
    entry: { type: 'string', default: 'agent/main.ts' },
    version: { type: 'string' },
    release: { type: 'string', default: '1' },
    'no-rpm': { type: 'boolean', default: false },
  } as const;
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    process.stderr.write(`scripts/build: ${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}
