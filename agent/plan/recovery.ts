// What gives a host back whose /var/lib/regnode was deleted (`regnode leave --recover`): copies of the
// journal and of what files held before us, beside the state folder and beside our programs. They hold no
// key. When these are lost too, what we made is known by what it carries (recognition.ts). Without any of it
// a later join would take our own files for their owner's, and the leave after it would leave them for good.
import { z } from 'zod';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { readConfiguration } from '../config/configuration.ts';
import { paths } from '../config/paths.ts';
import { temporaryPath } from '../host/durable.ts';
import type { Host } from '../host/host.ts';
import { dropBackups, openBackups } from './backups.ts';
import { openJournal, readJournal } from './journal.ts';
import { writeMarks } from './marks.ts';
import { isRecognised, recognise } from './recognition.ts';

const nodeSchema = z.object({ nodeName: z.string(), gatewayUrl: z.string() });
/** What this host was. */
export type RecoveryNode = z.infer<typeof nodeSchema>;

interface Copy {
  readonly folder: string;
  readonly journal: string;
  readonly backups: string;
  readonly node: string;
}
const copies = [paths.recovery, paths.recoveryBeside].map(
  (folder): Copy => ({
    folder,
    journal: `${folder}/journal`,
    backups: `${folder}/backups`,
    node: `${folder}/node.json`,
  }),
);

/** Brings the copies up to date; writes nothing when they are. */
export async function keepRecovery(host: Host, { nodeName, gatewayUrl }: RecoveryNode): Promise<void> {
  const { files } = host;
  const current = await files.sha256(paths.journal);
  if (current === undefined) return;
  const hashes = await Promise.all(copies.map(({ journal }) => files.sha256(journal)));
  const stale = copies.filter((_, index) => hashes[index] !== current);
  if (stale.length === 0) return;
  const entries = (await readJournal(host))?.entries ?? [];
  for (const copy of stale) await keepCopy(host, copy, { nodeName, gatewayUrl }, entries);
  await writeMarks(host, entries);
}

/** Backups first: the journal speaks of them. */
async function keepCopy(
  host: Host,
  { folder, journal, backups, node }: Copy,
  known: RecoveryNode,
  entries: readonly unknown[],
): Promise<void> {
  const { files } = host;
  for (const path of [folder, backups]) {
    if ((await files.status(path)) === undefined) await files.makeDirectory(path, 0o700);
  }
  await copyBackups(host, paths.backups, backups);
  await files.write(node, `${JSON.stringify(known)}\n`, { mode: 0o600 });
  await copyJournal(host, paths.journal, journal);
  await dropBackups(host, backups, entries);
}

/** STATE_LOST, when the journal is gone and something of ours is still there. */
export async function lostState(host: Host): Promise<Fault | undefined> {
  if ((await host.files.status(paths.journal)) !== undefined) return undefined;
  if ((await wholeCopy(host)) === undefined && !(await isRecognised(host))) return undefined;
  const { nodeName: node, gatewayUrl: gateway } = await readNode(host);
  return new Fault('STATE_LOST', { path: paths.state, node, gateway });
}

async function wholeCopy(host: Host): Promise<Copy | undefined> {
  for (const copy of copies) if ((await host.files.status(copy.journal)) !== undefined) return copy;
  return undefined;
}

/** Who this host was, as a copy or its configuration says; with dashes when nothing does. */
export async function readNode(host: Host): Promise<RecoveryNode> {
  for (const { node } of copies) {
    const text = await host.files.readText(node);
    try {
      return nodeSchema.parse(JSON.parse(text ?? ''));
    } catch {}
  }
  const configured = await readConfiguration(host).catch(() => undefined);
  return configured ?? { nodeName: '-', gatewayUrl: '-' };
}

/** Why a host without a state is no node: its state was lost, or it never was one. */
export async function whyNotJoined(host: Host): Promise<Fault> {
  return (await lostState(host)) ?? new Fault('NOT_JOINED');
}

/** Before a join: what an earlier one made would pass for its owner's, and no leave would take it back. */
export async function assertNotLost(host: Host): Promise<void> {
  const lost = await lostState(host);
  if (lost !== undefined) throw lost;
}

/**
 * Puts a copy where the state was, or what is recognised; the journal last. The caller holds the lock, with
 * which the state folder is there again. Returns what nothing knows any more, a line each.
 */
export async function recoverState(host: Host): Promise<readonly string[]> {
  const copy = await wholeCopy(host);
  if (copy === undefined) return recoverRecognised(host);
  if ((await host.files.status(paths.backups)) === undefined)
    await host.files.makeDirectory(paths.backups, 0o700);
  await copyBackups(host, copy.backups, paths.backups);
  await copyJournal(host, copy.journal, paths.journal);
  return [];
}

async function recoverRecognised(host: Host): Promise<readonly string[]> {
  const { changes, unknown } = await recognise(host);
  const journal = await openJournal(host);
  try {
    await journal.append(...changes);
  } finally {
    await journal.close();
  }
  return unknown;
}

/** After a leave: nothing is left to undo. Returns the paths that had to stay. */
export async function forgetRecovery(host: Host): Promise<readonly string[]> {
  const left: string[] = [];
  for (const { folder } of copies) left.push(...(await host.files.removeTree(folder)));
  return left;
}

async function copyBackups(host: Host, from: string, to: string): Promise<void> {
  const source = openBackups(host, from);
  const target = openBackups(host, to);
  const there = new Set(await host.files.list(to));
  for (const sha256 of (await host.files.list(from)) ?? []) {
    if (there.has(sha256)) continue;
    const content = await source.load(sha256);
    if (content !== undefined) await target.save(content);
  }
}

/** However long it is; in its place in one move. */
async function copyJournal(host: Host, from: string, to: string): Promise<void> {
  const status = await host.files.status(from);
  if (status === undefined) return;
  const temporary = temporaryPath(to);
  await host.files.writeStream(temporary, host.files.readStream(from, 0, status.sizeBytes), { mode: 0o600 });
  await host.files.sync(temporary);
  await host.files.rename(temporary, to);
}
