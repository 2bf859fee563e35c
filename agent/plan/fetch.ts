// Fetching one artifact to a staging file: from several origins in turn, resumed, retried with full jitter,
// bounded in size and in time, verified as a whole. An origin that gave wrong bytes from the first to the
// last is not asked again; a wrong hash after a resumed download may be the fault of the old part, so that is
// tried once more from the beginning.

import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Artifact } from '../../protocol/messages/desired.ts';
import { isDiskFault } from '../host/disk-faults.ts';
import type { Tools } from './kind.ts';
import { requireRoom } from './room.ts';
import type { ArtifactOrigin, ArtifactSource } from './source.ts';

/** Rounds over all origins that bring no byte, before it is given up. */
const fruitlessRounds = 6;
const firstDelayMs = 500;
const largestDelayMs = 15_000;
/**
 * Slower than `expected` for so long, and the next origin is asked; the last one may be as slow as `least`.
 */
const paceWindowMs = 30_000;
const leastBytesPerSecond = 1024;
const leastLimitMs = 10 * 60_000;
/**
 * A whole artifact may take as long as at this rate, and the time that our own rate limit costs. It begins
 * anew when an origin turns out to be useless: one that lies slowly doesn't take the time of those after it.
 */
const expectedBytesPerSecond = 16 * 1024;

type FetchTools = Tools & { readonly source: ArtifactSource };

/** How long all of it may take, and how slow this origin may be. */
interface Limits {
  untilMs: number;
  bytesPerSecond: number;
}

/** What an origin's answer was worth. */
type Outcome =
  | { readonly kind: 'complete' }
  /** It brought some bytes, or may bring them the next time. */
  | { readonly kind: 'broken'; readonly error: unknown }
  /** It is not to be asked for this artifact again. */
  | { readonly kind: 'useless'; readonly error: Fault };

export async function fetchArtifact(tools: FetchTools, artifact: Artifact, staged: string): Promise<void> {
  const { host, source, signal } = tools;
  await source.permit?.(artifact);
  const present = await sizeOf(tools, staged);
  await requireRoom(host, staged, Math.max(0, artifact.sizeBytes - present));
  const limits: Limits = { untilMs: host.clock.monotonicMs() + limitMs(artifact), bytesPerSecond: 0 };
  const useless = new Map<ArtifactOrigin, Fault>();
  let failures = 0;
  for (;;) {
    const before = await sizeOf(tools, staged);
    const errors: string[] = [];
    for (const origin of source.origins) {
      if (useless.has(origin)) continue;
      const isLast = source.origins.findLast((one) => !useless.has(one)) === origin;
      limits.bytesPerSecond = isLast ? leastBytesPerSecond : expectedBytesPerSecond;
      const outcome = await askOrigin(tools, origin, artifact, staged, limits);
      if (outcome.kind === 'complete') return;
      signal?.throwIfAborted();
      if (outcome.kind === 'useless') {
        useless.set(origin, outcome.error);
        limits.untilMs = host.clock.monotonicMs() + limitMs(artifact);
      }
      errors.push(`${origin.name}: ${messageOf(outcome.error)}`);
    }
    if (useless.size >= source.origins.length) throw worst([...useless.values()], artifact);
    failures = (await sizeOf(tools, staged)) > before ? 1 : failures + 1;
    if (failures >= fruitlessRounds) throw downloadFailed(artifact, errors);
    if (host.clock.monotonicMs() > limits.untilMs)
      throw downloadFailed(artifact, ['it takes too long', ...errors]);
    const ceilingMs = Math.min(largestDelayMs, firstDelayMs * 2 ** (failures - 1));
    await host.clock.sleep(Math.random() * ceilingMs, signal);
  }
}

export function hashWrong(artifact: Artifact, actual: string | undefined): Fault {
  return new Fault('ARTIFACT_HASH_WRONG', {
    name: `${artifact.component} ${artifact.version}`,
    actual: actual ?? 'none',
    expected: artifact.sha256,
  });
}

async function askOrigin(
  tools: FetchTools,
  origin: ArtifactOrigin,
  artifact: Artifact,
  staged: string,
  limits: Limits,
): Promise<Outcome> {
  for (let isFirst = true; ; isFirst = false) {
    const present = await sizeOf(tools, staged);
    const offset = present > artifact.sizeBytes ? 0 : present;
    let startedAt = offset;
    try {
      if (present !== artifact.sizeBytes)
        startedAt = await fetchOnce(tools, origin, artifact, staged, offset, limits);
      const size = await sizeOf(tools, staged);
      // Twice from the beginning, and both times that was all: it has another file.
      if (size < artifact.sizeBytes && !isFirst) throw hashWrong(artifact, `of ${size} bytes`);
      if (size < artifact.sizeBytes) throw new Error('the download ended early');
      await verify(tools, artifact, staged);
      return { kind: 'complete' };
    } catch (error) {
      if (!(error instanceof Fault)) return { kind: 'broken', error };
      if (isDiskFault(error)) throw await givenBack(tools, artifact, staged, error);
      if (error.code === 'ARTIFACT_HASH_WRONG') {
        await tools.host.files.removeFile(staged);
        if (startedAt > 0 && isFirst) continue;
        return { kind: 'useless', error };
      }
      return error.code === 'GATEWAY_UNREACHABLE' ? { kind: 'broken', error } : { kind: 'useless', error };
    }
  }
}

/**
 * Everybody on the host suffers from a full disk: what was begun is removed, and
 * told with what all of it needs.
 */
async function givenBack({ host }: Tools, artifact: Artifact, staged: string, fault: Fault): Promise<Fault> {
  if (fault.values.path !== staged || !('neededMiB' in fault.values)) return fault;
  await host.files.removeFile(staged);
  try {
    await requireRoom(host, staged, artifact.sizeBytes);
  } catch (error) {
    if (error instanceof Fault && error.code === fault.code) return error;
  }
  const neededMiB = Math.ceil(artifact.sizeBytes / (1024 * 1024));
  return new Fault(fault.code, { ...fault.values, neededMiB }, { cause: fault });
}

async function verify({ host }: Tools, artifact: Artifact, staged: string): Promise<void> {
  const actual = await host.files.sha256(staged);
  if (actual !== artifact.sha256) throw hashWrong(artifact, actual);
}

/** Returns where the answer began; throws when it is longer than it may be, or comes too slowly. */
async function fetchOnce(
  tools: FetchTools,
  origin: ArtifactOrigin,
  artifact: Artifact,
  staged: string,
  offset: number,
  limits: Limits,
): Promise<number> {
  const { host, source, signal, onBytes } = tools;
  const { startsAt, bytes } = await origin.open(artifact, offset, signal);
  if (startsAt !== 0 && startsAt !== offset) throw new Error(`the download starts at ${startsAt}`);
  await host.files.writeStream(staged, bounded(), { mode: 0o600, offset: startsAt });
  return startsAt;

  // Looked at with each chunk: that chunks come at all, and heads of answers, is
  // limited by who opens connections.
  async function* bounded(): AsyncIterable<Uint8Array> {
    const now = () => host.clock.monotonicMs();
    let done = startsAt;
    let window = { sinceMs: now(), bytes: 0 };
    for await (const chunk of bytes) {
      done += chunk.length;
      // An endless or swapped answer: whatever it is, it is not this artifact.
      if (done > artifact.sizeBytes) throw hashWrong(artifact, `of more than ${artifact.sizeBytes} bytes`);
      onBytes?.(done, artifact.sizeBytes);
      yield chunk;
      const takenMs = now();
      await source.pace?.(chunk.length, signal);
      const pausedMs = now() - takenMs;
      limits.untilMs += pausedMs;
      window.sinceMs += pausedMs;
      window.bytes += chunk.length;
      if (now() > limits.untilMs) throw new Error('it takes too long');
      const elapsedMs = now() - window.sinceMs;
      if (elapsedMs < paceWindowMs) continue;
      if ((window.bytes / elapsedMs) * 1000 < limits.bytesPerSecond) {
        throw new Error(`slower than ${limits.bytesPerSecond} bytes/s for ${paceWindowMs / 1000} s`);
      }
      window = { sinceMs: now(), bytes: 0 };
    }
  }
}

async function sizeOf({ host }: Tools, staged: string): Promise<number> {
  return (await host.files.status(staged))?.sizeBytes ?? 0;
}

function limitMs({ sizeBytes }: Artifact): number {
  return Math.max(leastLimitMs, (sizeBytes / expectedBytesPerSecond) * 1000);
}

/** When nobody has it or has it right: wrong bytes tell more than a refusal, a refusal more than a gap. */
function worst(faults: readonly Fault[], artifact: Artifact): Fault {
  const isGap = ({ code }: Fault) => code === 'PATH_UNKNOWN' || code === 'ARTIFACT_MISSING';
  const found =
    faults.find(({ code }) => code === 'ARTIFACT_HASH_WRONG') ?? faults.find((fault) => !isGap(fault));
  if (found) return found;
  const { component, version, architecture } = artifact;
  return new Fault('ARTIFACT_MISSING', { name: component, version, architecture }, { cause: faults[0] });
}

function downloadFailed(artifact: Artifact, errors: readonly string[]): Fault {
  return new Fault('ARTIFACT_DOWNLOAD_FAILED', {
    name: `${artifact.component} ${artifact.version}`,
    detail: errors.join('; '),
  });
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
