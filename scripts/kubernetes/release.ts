// Downloads the binaries of an official Kubernetes release and checks each against its published sha256.
// Without a way to the internet it says so within five seconds (NotReachable), so that the caller can build
// instead; a wrong hash or an unknown version is an error, never a reason to go on with something else.
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Progress } from '../machine/progress.ts';

const connectTimeoutMs = 5_000;
const downloadTimeoutMs = 10 * 60_000;

export class NotReachable extends Error {
  override readonly name = 'NotReachable';
}

export async function downloadRelease(wanted: {
  version: string;
  architecture: string;
  names: readonly string[];
  folder: string;
  progress: Progress;
}): Promise<void> {
  const base = `https://dl.k8s.io/release/${wanted.version}/bin/linux/${wanted.architecture}`;
  for (const [index, name] of wanted.names.entries()) {
    const expected = await publishedHash(`${base}/${name}.sha256`, index === 0);
    await wanted.progress.step(`downloading ${name} ${wanted.version}`, async () => {
      const found = await download(`${base}/${name}`, join(wanted.folder, name));
      if (found !== expected) {
        throw new Error(`${base}/${name}: its sha256 is ${found}, the release says ${expected}`);
      }
    });
  }
}

/** The first request decides whether there is a way to the release at all. */
async function publishedHash(url: string, first: boolean): Promise<string> {
  let answer: Response;
  try {
    answer = await fetch(url, { signal: AbortSignal.timeout(first ? connectTimeoutMs : downloadTimeoutMs) });
  } catch (cause) {
    if (!first) throw new Error(`${url}: the download broke off`, { cause });
    throw new NotReachable('the official Kubernetes release is not reachable from here', { cause });
  }
  const hash = /^[0-9a-f]{64}/.exec(await answer.text())?.[0];
  if (!answer.ok || hash === undefined) {
    // Something between us and the release that answers in its stead (a proxy's refusal) counts as no way.
    if (first && answer.status !== 404) throw new NotReachable(`${url}: answered ${answer.status}`);
    throw new Error(`${url}: answered ${answer.status} without a sha256`);
  }
  return hash;
}

async function download(url: string, path: string): Promise<string> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(downloadTimeoutMs) });
  if (!answer.ok || answer.body === null) throw new Error(`${url}: answered ${answer.status}`);
  const hash = createHash('sha256');
  await pipeline(
    Readable.fromWeb(answer.body),
    async function* (source: AsyncIterable<Uint8Array>) {
      for await (const piece of source) {
        hash.update(piece);
        yield piece;
      }
    },
    createWriteStream(path, { mode: 0o755 }),
  );
  return hash.digest('hex');
}
