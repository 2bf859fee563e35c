// The marks of all folders of ours (mark.ts), which tell ours from somebody else's on a host where the
// journal and its copies are lost. What a mark says counts for the folder that it lies in; of others at most
// an empty one goes by its word.
import { paths } from '../config/paths.ts';
import type { Host } from '../host/host.ts';
import { isBelow } from '../host/mounts.ts';
import type { JournalEntry } from './entry.ts';
import { foldJournal } from './fold.ts';
import type { Change } from './journal.ts';
import { type DirectoryEntry, directoryEntrySchema, encodeMark, markName, readMark } from './mark.ts';

/** Where folders of ours lie, besides those of registries, which come and go. */
const marked: readonly string[] = [
  paths.components,
  paths.kubeletData,
  paths.containerdData,
  paths.cniData,
  paths.containerdRun,
  paths.nriRun,
  paths.ciliumRun,
];
/** Pods may write in them, and the kubelet takes away what it does not know: another folder's mark tells. */
const unmarked: readonly string[] = [paths.podLogs, paths.containerLogs];

/** Those that are there already and say the same are not written again. */
export async function writeMarks(host: Host, entries: readonly JournalEntry[]): Promise<void> {
  const directories = firstOfDirectories(entries);
  const text = encodeMark(directories);
  for (const { path, content } of directories) {
    if (content !== 'ours' || !marked.includes(path)) continue;
    if (!(await host.files.exists(path))) continue;
    const mark = `${path}/${markName}`;
    if ((await host.files.readText(mark)) !== text) await host.files.write(mark, text, { mode: 0o600 });
  }
}

function firstOfDirectories(entries: readonly JournalEntry[]): DirectoryEntry[] {
  return [...foldJournal(entries).values()].flatMap(({ kind, entries: [first] }) => {
    const parsed = kind === 'directory' ? directoryEntrySchema.safeParse(first).data : undefined;
    return parsed !== undefined && (parsed.content === 'ours' || parsed.original === null) ? [parsed] : [];
  });
}

/** What undoes the folders that some mark tells of, outer ones first. */
export async function readMarks(host: Host): Promise<readonly Change[]> {
  const known = new Map<string, DirectoryEntry>();
  for (const folder of marked) {
    const mark = await readMark(host, folder);
    for (const entry of mark) {
      const isOwn = entry.path === folder || unmarked.includes(entry.path);
      if (entry.content === 'shared' ? isShareable(entry) : isOwn) known.set(entry.path, entry);
    }
  }
  return [...known.values()]
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map((entry) => ({ key: `directory:${entry.path}`, kind: 'directory', entry }));
}

const isShareable = ({ path, original }: DirectoryEntry) =>
  original === null &&
  !path.includes('/..') &&
  ['/etc', '/opt', '/run', '/var/lib'].some((root) => path !== root && isBelow(path, root));
