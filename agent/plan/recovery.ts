// A second copy of what undoes our changes: the journal, and what files held before us. It lies beside the
// state folder and not in it, so that a host whose /var/lib/regnode was deleted can still be given back
// (`regnode leave --recover`). It holds no key. Without it a later join would take our own files for their
// owner's, and the leave after it would leave them for good.
import { z } from 'zod';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { paths } from '../config/paths.ts';
import { temporaryPath } from '../host/durable.ts';
import type { Host } from '../host/host.ts';
import { dropBackups, openBackups } from './backups.ts';
import { readJournal } from './journal.ts';

const nodeSchema = z.object({ nodeName: z.string(), gatewayUrl: z.string() });
/** What this host was. */
export type RecoveryNode = z.infer<typeof nodeSchema>;

/** Brings the copy up to date; writes nothing when it is. Backups first: the journal speaks of them. */
export async function keepRecovery(host: Host, { nodeName, gatewayUrl }: RecoveryNode): Promise<void> {
  const { files } = host;
  const journal = await files.sha256(paths.journal);
  if (journal === undefined || journal === (await files.sha256(paths.recoveryJournal))) return;
  for (const folder of [paths.recovery, paths.recoveryBackups]) {
    if ((await files.status(folder)) === undefined) await files.makeDirectory(folder, 0o700);
  }
  await copyBackups(host, paths.backups, paths.recoveryBackups);
  const node: RecoveryNode = { nodeName, gatewayUrl };
  await files.write(paths.recoveryNode, `${JSON.stringify(node)}\n`, { mode: 0o600 });
  await copyJournal(host, paths.journal, paths.recoveryJournal);
  const kept = await readJournal(host);
  if (kept !== undefined) await dropBackups(host, paths.recoveryBackups, kept.entries);
}

/** STATE_LOST, when the journal is gone and the copy is there. */
export async function lostState(host: Host): Promise<Fault | undefined> {
  if ((await host.files.status(paths.journal)) !== undefined) return undefined;
  if ((await host.files.status(paths.recoveryJournal)) === undefined) return undefined;
  const { nodeName: node, gatewayUrl: gateway } = await readNode(host);
  return new Fault('STATE_LOST', { path: paths.state, node, gateway });
}

/** Who this host was, as the copy says; with dashes when it does not. */
export async function readNode(host: Host): Promise<RecoveryNode> {
  const text = await host.files.readText(paths.recoveryNode);
  try {
    return nodeSchema.parse(JSON.parse(text ?? ''));
  } catch {
    return { nodeName: '-', gatewayUrl: '-' };
  }
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
 * Puts the copy where the state was; the journal last. The caller holds the lock, with which the state
 * folder is there again.
 */
export async function recoverState(host: Host): Promise<void> {
  if ((await host.files.status(paths.backups)) === undefined)
    await host.files.makeDirectory(paths.backups, 0o700);
  await copyBackups(host, paths.recoveryBackups, paths.backups);
  await copyJournal(host, paths.recoveryJournal, paths.journal);
}

/** After a leave: nothing is left to undo. */
export async function forgetRecovery(host: Host): Promise<void> {
  await host.files.removeTree(paths.recovery);
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
