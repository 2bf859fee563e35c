// The content that files had before us, by its hash. A backup is on disk before the journal names it, and the
// journal names it before the file is changed.
import { createHash } from 'node:crypto';
import { paths } from '../config/paths.ts';
import type { Host } from '../host/host.ts';

export interface Backups {
  /** Returns the sha256 under which it is kept. */
  save(content: Uint8Array): Promise<string>;
  load(sha256: string): Promise<Uint8Array | undefined>;
}

const backupLimitBytes = 64 * 1024 * 1024;

export function openBackups(host: Host, folder: string = paths.backups): Backups {
  const place = (sha256: string) => `${folder}/${sha256}`;
  return {
    async save(content) {
      const sha256 = hashOf(content);
      if ((await host.files.sha256(place(sha256))) === sha256) return sha256;
      if ((await host.files.status(folder)) === undefined) await host.files.makeDirectory(folder, 0o700);
      await host.files.write(place(sha256), content, { mode: 0o600 });
      return sha256;
    },
    async load(sha256) {
      const content = await host.files.readBytes(place(sha256), backupLimitBytes);
      return content !== undefined && hashOf(content) === sha256 ? content : undefined;
    },
  };
}

/** Those that no entry names: what undoing will ask for stays. */
export async function dropBackups(host: Host, folder: string, entries: readonly unknown[]): Promise<void> {
  const named = new Set(entries.flatMap((entry) => JSON.stringify(entry).match(/[0-9a-f]{64}/g) ?? []));
  for (const name of (await host.files.list(folder)) ?? []) {
    if (!named.has(name)) await host.files.removeFile(`${folder}/${name}`);
  }
}

export function hashOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
