// A file with exactly this content. The journal keeps the hash of what we write and, by its hash, the content
// that stood there before; a file that is neither at undo time was changed by somebody else and stays.
import { z } from 'zod';
import { temporaryPath } from '../../host/durable.ts';
import type { FileStatus, Host } from '../../host/host.ts';
import { hashOf } from '../backups.ts';
import { lineDiff } from '../diff.ts';
import { defineKind, right, type Tools, type UndoOutcome, wrong } from '../kind.ts';
import { originalSchema, restoreOriginal, samePlace, saveOriginal, takeAway } from '../original.ts';

const contentLimitBytes = 1024 * 1024;

interface Observed {
  readonly status: FileStatus | undefined;
  /** Of a regular file of reasonable size. */
  readonly content: string | undefined;
}

const entrySchema = z.strictObject({
  path: z.string(),
  writtenSha256: z.string(),
  original: originalSchema,
});

export const fileKind = defineKind<'file', Observed, z.infer<typeof entrySchema>>({
  kind: 'file',
  identify: (resource) => `file:${resource.path}`,
  title: (resource) => `write ${resource.path}`,

  async observe(host, resource) {
    const status = await host.files.status(resource.path);
    const readable = status?.kind === 'file' && status.sizeBytes <= contentLimitBytes;
    return { status, content: readable ? await host.files.readText(resource.path) : undefined };
  },

  compare(resource, { status, content }) {
    if (status === undefined) return wrong('absent', shown(resource.secret, '', resource.content));
    if (status.kind !== 'file') return wrong(`a ${status.kind} stands there`);
    if (content !== resource.content) {
      return wrong('other content', shown(resource.secret, content ?? '', resource.content));
    }
    if (status.mode !== resource.mode) {
      return wrong(`mode ${status.mode.toString(8)} instead of ${resource.mode.toString(8)}`);
    }
    return right;
  },

  entrySchema,
  async record(tools, resource, _, first) {
    // Once only: what stands there the next time is what we wrote, and no undoing asks for it.
    const original = first?.original ?? (await saveOriginal(tools, resource.path));
    return { path: resource.path, writtenSha256: hashOf(resource.content), original };
  },

  async apply({ host }, resource, { status }) {
    if (status?.kind === 'directory') throw new Error(`${resource.path} is a directory`);
    await host.files.write(resource.path, resource.content, { mode: resource.mode, uid: 0, gid: 0 });
  },

  async undo(tools, entries) {
    const [{ path, original }] = entries;
    await tools.host.files.removeFile(temporaryPath(path));
    if (await samePlace(tools.host, path, original)) return { outcome: 'unchanged' };
    const written = entries.map((entry) => entry.writtenSha256);
    const foreign = await whoseIsIt(tools.host, path, written);
    if (foreign !== undefined) return keep(tools, path, original, foreign);
    return original.kind === 'absent' ? takeAway(tools.host, path) : restoreOriginal(tools, path, original);
  },
});

/** undefined when it is what we wrote (or nothing at all). */
async function whoseIsIt(host: Host, path: string, written: readonly string[]): Promise<string | undefined> {
  const status = await host.files.status(path);
  if (status === undefined) return undefined;
  if (status.kind !== 'file') return `a ${status.kind} stands at ${path} now`;
  const sha256 = await host.files.sha256(path);
  return sha256 !== undefined && written.includes(sha256) ? undefined : `${path} was changed since`;
}

/** The other's file stays, and so does the content from before us, beside it. */
async function keep(
  tools: Tools,
  path: string,
  original: z.infer<typeof originalSchema>,
  why: string,
): Promise<UndoOutcome> {
  if (original.kind !== 'file') return { outcome: 'kept', detail: why };
  const beside = `${path}.regnode-original`;
  await restoreOriginal(tools, beside, original);
  return { outcome: 'kept', detail: `${why}; what was there before is ${beside}` };
}

function shown(secret: boolean | undefined, before: string, after: string): readonly string[] {
  return secret ? ['(the content is secret)'] : lineDiff(before, after);
}
