// The gateway and regnodectl as one file each, made once per state of the sources and kept in the cache: from
// several hundred files a start takes three to four times as much of a processor, and the tests start them
// some hundreds of times. That they run from a checkout, as they are installed, is e2e gateway-unit's.
import { createHash } from 'node:crypto';
import { cp, readFile, utimes } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { bundle } from '../build/bundle.ts';
import { cached } from '../machine/cache.ts';
import { silentProgress } from '../machine/progress.ts';
import { forgetOldest, hashSources } from './sources.ts';

const checkout = resolve(import.meta.dirname, '../..');
const entries = 'gateway-programs';
const entriesKept = 4;
/** No run takes longer, and one starts programs until its end. */
const inUseMs = 12 * 3600_000;
/** Whatever may decide what is in them. */
const sources = ['gateway', 'installer', 'protocol', 'scripts/build/bundle.ts', 'package-lock.json'];
const programs = { gateway: 'gateway/main.ts', regnodectl: 'gateway/regnodectl.ts' } as const;

export type GatewayProgram = keyof typeof programs;

let made: Promise<string> | undefined;

/** The file that Node.js runs. */
export async function gatewayProgram(name: GatewayProgram): Promise<string> {
  made ??= makePrograms();
  return join(await made, 'programs', name, 'main.js');
}

async function makePrograms(): Promise<string> {
  const hash = createHash('sha256');
  await hashSources(hash, checkout, sources);
  const { version } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8')) as {
    version: string;
  };
  const key = hash.update(version).digest('hex').slice(0, 16);
  const place = await cached(`${entries}/${key}`, silentProgress, async (staging) => {
    for (const [name, entry] of Object.entries(programs))
      await bundle(join(checkout, entry), join(staging, 'programs', name), version);
    // Two folders above a program, as above a source, is what it signs by default.
    await cp(join(checkout, 'installer'), join(staging, 'installer'), { recursive: true });
  });
  await utimes(place, new Date(), new Date());
  await forgetOldest(entries, entriesKept, inUseMs);
  return place;
}
