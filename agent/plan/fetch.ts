// Fetching one artifact to a staging file: resumed, retried with full jitter, bounded, verified. A wrong hash
// after a resumed download may be the fault of the old part, so it is tried once more from the beginning.
import type { Artifact } from '../../protocol/desired.ts';
import { Fault } from '../../protocol/fault.ts';
import { hasCode } from '../host/durable.ts';
import type { Tools } from './kind.ts';
import { requireRoom } from './room.ts';
import type { ArtifactSource } from './source.ts';

const attempts = 6;
const firstDelayMs = 500;
const largestDelayMs = 15_000;

type FetchTools = Tools & { readonly source: ArtifactSource };

export async function fetchArtifact(tools: FetchTools, artifact: Artifact, staged: string): Promise<void> {
  const { host } = tools;
  const resumed = (await host.files.status(staged)) !== undefined;
  await requireRoom(host, staged, artifact.sizeBytes);
  await fetchWhole(tools, artifact, staged);
  let actual = await host.files.sha256(staged);
  if (actual !== artifact.sha256 && resumed) {
    await host.files.removeFile(staged);
    await fetchWhole(tools, artifact, staged);
    actual = await host.files.sha256(staged);
  }
  if (actual === artifact.sha256) return;
  await host.files.removeFile(staged);
  throw hashWrong(artifact, actual);
}

export function hashWrong(artifact: Artifact, actual: string | undefined): Fault {
  return new Fault('ARTIFACT_HASH_WRONG', {
    name: `${artifact.component} ${artifact.version}`,
    actual: actual ?? 'none',
    expected: artifact.sha256,
  });
}

/** Until the staged file has the announced size; each try that brings bytes gives all tries back. */
async function fetchWhole(tools: FetchTools, artifact: Artifact, staged: string): Promise<void> {
  let failures = 0;
  for (;;) {
    const before = await sizeOf(tools, staged);
    if (before === artifact.sizeBytes) return;
    try {
      await fetchOnce(tools, artifact, staged, before > artifact.sizeBytes ? 0 : before);
      if ((await sizeOf(tools, staged)) === artifact.sizeBytes) return;
      throw new Error('the download ended early');
    } catch (error) {
      if (!isWorthAnotherTry(error)) throw error;
      tools.signal?.throwIfAborted();
      failures = (await sizeOf(tools, staged)) > before ? 1 : failures + 1;
      if (failures >= attempts) throw downloadFailed(artifact, error);
      const ceilingMs = Math.min(largestDelayMs, firstDelayMs * 2 ** (failures - 1));
      await tools.host.clock.sleep(Math.random() * ceilingMs, tools.signal);
    }
  }
}

/** A gateway that is away may come back; a full disk, a refusal or a wrong hash will be the same again. */
function isWorthAnotherTry(error: unknown): boolean {
  if (error instanceof Fault) return error.code === 'GATEWAY_UNREACHABLE';
  return !hasCode(error, 'ENOSPC', 'EDQUOT', 'EROFS');
}

async function fetchOnce(
  tools: FetchTools,
  artifact: Artifact,
  staged: string,
  offset: number,
): Promise<void> {
  const { host, source, signal, onBytes } = tools;
  const { startsAt, bytes } = await source.open(artifact, offset, signal);
  if (startsAt !== 0 && startsAt !== offset) throw new Error(`the download starts at ${startsAt}`);
  await host.files.writeStream(staged, bounded(), { mode: 0o600, offset: startsAt });

  async function* bounded(): AsyncIterable<Uint8Array> {
    let done = startsAt;
    for await (const chunk of bytes) {
      done += chunk.length;
      // An endless or swapped answer: whatever it is, it is not this artifact.
      if (done > artifact.sizeBytes) throw hashWrong(artifact, `of more than ${artifact.sizeBytes} bytes`);
      onBytes?.(done, artifact.sizeBytes);
      yield chunk;
    }
  }
}

async function sizeOf({ host }: Tools, staged: string): Promise<number> {
  return (await host.files.status(staged))?.sizeBytes ?? 0;
}

function downloadFailed(artifact: Artifact, error: unknown): Fault {
  return new Fault(
    'ARTIFACT_DOWNLOAD_FAILED',
    {
      name: `${artifact.component} ${artifact.version}`,
      detail: error instanceof Error ? error.message : String(error),
    },
    { cause: error },
  );
}
