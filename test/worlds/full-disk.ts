// A Host whose disk refuses from its n-th effect on, as the kernel would: full (or over a quota), read-only,
// broken. A disk that is full still lets things be removed and renamed, and takes again what is removed.
// Below the door's own telling of it, so what the agent meets is what it meets on a real host.
import { randomBytes } from 'node:crypto';
import { statSync, writeFileSync } from 'node:fs';
import { type DiskRefusal, withDiskFaults } from '../../agent/host/disk-faults.ts';
import type { Host, HostFiles, RunResult } from '../../agent/host/host.ts';
import { looks } from './effects.ts';
import type { IdcHost } from './idc-host.ts';

const growing = ['write', 'writeStream', 'makeDirectory', 'makeLink'] as const;
const shrinking = [
  'rename',
  'removeFile',
  'removeEmptyDirectory',
  'removeTree',
  'setMode',
] as const satisfies readonly (keyof HostFiles)[];

const texts: Readonly<Record<DiskRefusal, string>> = {
  ENOSPC: 'No space left on device',
  EDQUOT: 'Disk quota exceeded',
  EROFS: 'Read-only file system',
  EIO: 'Input/output error',
};

export interface FullDisk {
  readonly host: Host;
  /** Every effect that such a refusal can meet, in order. */
  readonly effects: readonly string[];
  /** What was refused. */
  readonly refused: readonly string[];
}

/** What it says of itself while it refuses. */
const fullSpace = {
  totalBytes: 1e10,
  freeBytes: 3.5 * 1024 * 1024,
  totalInodes: 1e6,
  freeInodes: 1e5,
};

export function fullDisk(world: IdcHost, from: number, refusal: DiskRefusal): FullDisk {
  const real = world.host;
  const effects: string[] = [];
  const refused: string[] = [];
  const isFilled = refusal === 'ENOSPC' || refusal === 'EDQUOT';
  let removedBytes = 0;

  const isRefusing = () => effects.length >= from;
  /** True when this effect, of so many bytes, is refused. */
  function meets(name: string, bytes: number): boolean {
    effects.push(name);
    if (!isRefusing()) return false;
    if (isFilled && removedBytes >= bytes) {
      removedBytes -= bytes;
      return false;
    }
    refused.push(name);
    return true;
  }
  const thrown = (name: string) =>
    Object.assign(new Error(`${refusal}: ${texts[refusal].toLowerCase()}, ${name}`), {
      code: refusal,
      syscall: name.split(' ')[0],
    });

  const sizeAt = (path: string) => statSync(world.at(path), { throwIfNoEntry: false })?.size ?? 0;
  const files: HostFiles = {
    ...real.files,
    ...Object.fromEntries(
      growing.map((name) => [
        name,
        async (path: string, ...rest: unknown[]) => {
          const act = real.files[name] as (...args: unknown[]) => Promise<unknown>;
          const bytes = name === 'write' ? Buffer.byteLength(rest[0] as string | Uint8Array) : 4096;
          if (!meets(`${name} ${path}`, bytes)) return act(path, ...rest);
          if (name === 'writeStream') writeFileSync(world.at(path), 'cut');
          throw thrown(`${name} ${path}`);
        },
      ]),
    ),
    ...Object.fromEntries(
      shrinking.map((name) => [
        name,
        async (path: string, ...rest: unknown[]) => {
          const act = real.files[name] as (...args: unknown[]) => Promise<unknown>;
          if (!isFilled && meets(`${name} ${path}`, 0)) throw thrown(`${name} ${path}`);
          const bytes = isRefusing() && name === 'removeFile' ? sizeAt(path) : 0;
          const result = await act(path, ...rest);
          removedBytes += bytes;
          return result;
        },
      ]),
    ),
    async openAppender(path, mode) {
      const appender = await real.files.openAppender(path, mode);
      return {
        async append(bytes) {
          if (meets(`append ${path}`, Buffer.byteLength(bytes))) throw thrown(`append ${path}`);
          await appender.append(bytes);
        },
        close: () => appender.close(),
      };
    },
    space: (path) => (isRefusing() && isFilled ? Promise.resolve(fullSpace) : real.files.space(path)),
  };
  const host: Host = {
    ...real,
    files: withDiskFaults(files),
    processes: {
      ...real.processes,
      async run(command, args, options) {
        const line = [command, ...args].join(' ');
        const isWriting = /^tar --extract|ctr .* import /.test(line) && !looks.test(line);
        if (!isWriting || !meets(line, 1024 * 1024)) return real.processes.run(command, args, options);
        const folder = args[args.indexOf('--directory') + 1] ?? '';
        if (command === 'tar' && isFilled) writeFileSync(world.at(`${folder}/half`), randomBytes(10));
        return failed(command === 'tar' ? `tar: half: Cannot write: ${texts[refusal]}` : ctrSays(refusal));
      },
    },
  };
  return { host, effects, refused };
}

function failed(stderr: string): RunResult {
  return { exitCode: 2, outcome: 'exited', stdout: '', stderr, truncated: false };
}

const ctrSays = (refusal: DiskRefusal) =>
  `ctr: failed to copy: write /var/lib/containerd/io.containerd.content.v1.content/ingest/a/data: ${texts[refusal].toLowerCase()}`;
