// The one shape of a kind of resource. `observe` looks and changes nothing; `compare` is pure;
// `record` saves what will be lost and returns what the journal needs to undo it; `apply` makes the
// change and may be repeated; `undo` may be repeated too, restores only what is still as we left it,
// and says what it had to leave.
import type { z } from 'zod';
import type { Host } from '../host/host.ts';
import type { Backups } from './backups.ts';
import type { Resource, ResourceKind, ResourceOf } from './resource.ts';
import type { ArtifactSource } from './source.ts';

export type Verdict =
  | { readonly state: 'right' }
  /** Cannot or need not be had on this host. */
  | { readonly state: 'skipped'; readonly reason: string }
  | { readonly state: 'wrong'; readonly reason: string; readonly diff?: readonly string[] };

/** What a step may use besides its resource. */
export interface Tools {
  readonly host: Host;
  readonly backups: Backups;
  /** Absent when nothing can be fetched (leave). */
  readonly source?: ArtifactSource;
  readonly signal?: AbortSignal;
  /** Bytes of the current step, for whoever watches. */
  readonly onBytes?: (doneBytes: number, totalBytes: number) => void;
}

export interface UndoOutcome {
  /**
   * `restored` now; `unchanged`: was as before already; `kept`: somebody else's change was in the way, and
   * stays; `failed`: the system refused, and a later try may succeed.
   */
  readonly outcome: 'restored' | 'unchanged' | 'kept' | 'failed';
  readonly detail?: string;
  /** Of `failed`: where it was refused. */
  readonly paths?: readonly string[];
}

export interface KindDefinition<K extends ResourceKind, Observed, Entry> {
  readonly kind: K;
  /** The same thing has the same key in every plan and in the journal. */
  identify(resource: ResourceOf<K>): string;
  title(resource: ResourceOf<K>): string;
  observe(host: Host, resource: ResourceOf<K>): Promise<Observed>;
  /** `journaled`: this key has an entry already. */
  compare(resource: ResourceOf<K>, observed: Observed, journaled: boolean): Verdict;
  readonly entrySchema: z.ZodType<Entry>;
  /** `first`: the oldest that the journal has of this key, which knows the original. */
  record(tools: Tools, resource: ResourceOf<K>, observed: Observed, first?: Entry): Promise<Entry>;
  apply(tools: Tools, resource: ResourceOf<K>, observed: Observed): Promise<void>;
  /** `entries`: all that the journal says about this key, oldest first; the oldest knows the original. */
  undo(tools: Tools, entries: readonly [Entry, ...Entry[]]): Promise<UndoOutcome>;
  /**
   * One entry that undoes what all of these do; undefined when one of them is not understood. Without it the
   * oldest and the latest are enough.
   */
  merge?(entries: readonly unknown[]): Entry | undefined;
}

/** A kind whose observation and entry types only it knows. */
export type Kind<K extends ResourceKind = ResourceKind> = KindDefinition<K, unknown, unknown>;

/** The single place where the types of observation and entry are hidden; each kind only ever sees its own. */
export function defineKind<K extends ResourceKind, Observed, Entry>(
  definition: KindDefinition<K, Observed, Entry>,
): Kind<K> {
  return definition as unknown as Kind<K>;
}

export type KindTable = { readonly [K in ResourceKind]: Kind<K> };

/** Widens the table's entry so that it takes the resource that it was looked up with. */
export function kindOf(table: KindTable, resource: Pick<Resource, 'kind'>): Kind {
  return table[resource.kind] as unknown as Kind;
}

export const right: Verdict = { state: 'right' };
export const wrong = (reason: string, diff?: readonly string[]): Verdict => ({
  state: 'wrong',
  reason,
  ...(diff ? { diff } : {}),
});
export const skipped = (reason: string): Verdict => ({ state: 'skipped', reason });

/** What removeTree had to leave. */
export function couldNotRemove(left: readonly string[]): UndoOutcome {
  const paths = [...new Set(left)].slice(0, 5);
  return { outcome: 'failed', detail: `could not be removed: ${paths.join(', ')}`, paths };
}
