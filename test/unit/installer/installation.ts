// Runs install.sh for real: below a folder (`--root`), or, as root, on a throw-away copy of this
// machine: an overlay over `/` in a mount namespace of its own, whose upper folder shows exactly
// what a run has left behind.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

export interface Outcome {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export const isRoot = process.getuid?.() === 0;
const script = 'installer/install.sh';
const environment = { LC_ALL: 'C.UTF-8', REGNODE_RETRY_SECONDS: '0' };

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'regnode-install-'));
}

export async function install(
  args: readonly string[],
  options: { environment?: Record<string, string>; shell?: string; uid?: number } = {},
): Promise<Outcome> {
  const { exitCode, stdout, stderr } = await execa(options.shell ?? 'dash', [script, ...args], {
    reject: false,
    env: { ...environment, ...options.environment },
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  return { exitCode, stdout, stderr };
}

/** A machine of which nothing stays; several runs on it see what the ones before have done. */
export class ThrowAwayMachine {
  readonly #folder = temporaryFolder();

  /** `prepare` is sh that runs inside before the script, `after` after it. */
  async install(
    args: readonly string[],
    options: { environment?: Record<string, string>; shell?: string; prepare?: string; after?: string } = {},
  ): Promise<Outcome> {
    const script = `${options.shell ?? 'bash'} ./install.sh "$@" || code=$?`;
    return this.#run([options.prepare ?? ':', script, options.after ?? ':'], args, options.environment);
  }

  /** What a command inside prints. */
  async sees(command: string): Promise<string> {
    return (await this.#run([command], [])).stdout;
  }

  async #run(
    lines: readonly string[],
    args: readonly string[],
    more?: Record<string, string>,
  ): Promise<Outcome> {
    const inside = [
      'cd /mnt',
      ...lines,
      'cat /run/calls >/mnt/calls 2>/dev/null',
      'ls -A /run >/mnt/run',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's, not JavaScript's
      'exit "${code:-0}"',
    ].join('\n');
    const { exitCode, stdout, stderr } = await execa(
      'unshare',
      ['--mount', 'sh', '-c', overlay, 'overlay', this.#folder, inside, ...args],
      { reject: false, env: { ...environment, SCRIPT: script, ...more } },
    );
    return { exitCode, stdout, stderr };
  }

  /** What the fake program wrote down in the last run. */
  calls(): string[] {
    return readFileSync(join(this.#folder, 'work/calls'), 'utf8').trim().split('\n').filter(Boolean);
  }

  leftInRun(): string[] {
    return readFileSync(join(this.#folder, 'work/run'), 'utf8').trim().split('\n').filter(Boolean);
  }

  /** Everything that differs from the machine as it was. */
  changes(): string[] {
    return walk(join(this.#folder, 'upper'));
  }

  read(path: string): string {
    return readFileSync(join(this.#folder, 'upper', path), 'utf8');
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

const overlay = `set -e
folder=$1 inside=$2; shift 2
mkdir -p "$folder/upper" "$folder/scratch" "$folder/machine" "$folder/work"
cp "$SCRIPT" "$folder/work/install.sh"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/scratch" "$folder/machine"
mount --bind "$folder/work" "$folder/machine/mnt"
mount -t tmpfs tmpfs "$folder/machine/run"
mount -t proc proc "$folder/machine/proc"
mount --bind /dev "$folder/machine/dev"
exec chroot "$folder/machine" sh -c "$inside" inside "$@"
`;

/** Files and links that are new, changed or gone, and new folders that hold nothing. */
function walk(folder: string, prefix = ''): string[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  if (entries.length === 0 && !existsSync(prefix || '/')) return [`${prefix}/`];
  return entries
    .flatMap((entry) => {
      const path = `${prefix}/${entry.name}`;
      return entry.isDirectory() ? walk(join(folder, entry.name), path) : [path];
    })
    .sort();
}
