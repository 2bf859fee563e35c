// A Host that dies at its n-th effect: after it, or in the middle of it (which may be before it). From then
// on no call ever answers, as for a process that was killed: no catch and no finally of the agent runs. A
// death by loss of power also takes what was written and not synced.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryPath } from '../../agent/host/durable.ts';
import type { DurableAppender, Host, HostFiles, HostProcesses } from '../../agent/host/host.ts';
import type { IdcHost } from './idc-host.ts';

export type Moment = 'torn' | 'after';

export interface Mortal {
  readonly host: Host;
  /** Effects so far, what each was. */
  readonly effects: readonly string[];
  /** Resolves with what it died of. */
  readonly died: Promise<string>;
}

const fileEffects = [
  'write',
  'writeStream',
  'makeDirectory',
  'makeLink',
  'rename',
  'removeFile',
  'removeEmptyDirectory',
  'removeTree',
  'setMode',
] as const satisfies readonly (keyof HostFiles)[];

/** In the middle of any other effect is before it, which is after the one before. */
export const hasMiddle = (effect: string) => /^(write|writeStream|makeLink|append|rename|tar) /.test(effect);

/** Commands that only look. */
export const looks =
  /^(systemctl show|tar --list|tar .*--to-stdout|\S*ctr .* images list|ip6?tables-save|modprobe --dry-run)/;

export function mortal(world: IdcHost, dieAt: number, moment: Moment): Mortal {
  const real = world.host;
  const { promise: died, resolve: die } = Promise.withResolvers<string>();
  const never = new Promise<never>(() => undefined);
  const open: DurableAppender[] = [];
  const effects: string[] = [];
  let dead = false;

  async function effect<T>(
    name: string,
    act: () => Promise<T>,
    tear: () => void = () => undefined,
  ): Promise<T> {
    if (dead) return never;
    effects.push(name);
    if (effects.length !== dieAt) return alive(act());
    // Also one that fails (beside others, in another order than before) is the last thing that it tries.
    if (moment === 'after') await act().catch(() => undefined);
    if (moment === 'torn') tear();
    dead = true;
    for (const appender of open) await appender.close();
    if (moment === 'torn') losePower(world);
    die(`${moment} ${name}`);
    return never;
  }

  async function alive<T>(promise: Promise<T>): Promise<T> {
    const result = await promise;
    return dead ? never : result;
  }

  const files: HostFiles = {
    ...real.files,
    ...Object.fromEntries(
      fileEffects.map((name) => [
        name,
        (...args: unknown[]) => {
          const act = real.files[name] as (...args: unknown[]) => Promise<unknown>;
          return effect(
            `${name} ${String(args[0])}`,
            async () => {
              const result = await act(...args);
              noteUnsynced(world, name, args);
              return result;
            },
            () => tearFile(world, name, args),
          );
        },
      ]),
    ),
    async sync(path) {
      await alive(real.files.sync(path));
      world.unsynced.delete(path);
    },
    async openAppender(path, mode) {
      const appender = await effect(`openAppender ${path}`, async () => {
        const opened = await real.files.openAppender(path, mode);
        // A dead process has nothing open: also what was being opened when it died.
        if (dead) await opened.close();
        else open.push(opened);
        return opened;
      });
      return {
        // One write of several lines may leave any number of them.
        async append(bytes) {
          for (const line of linesOf(bytes)) {
            await effect(
              `append ${path}`,
              () => appender.append(line),
              () => {
                const text = readFileSync(world.at(path), 'utf8');
                writeFileSync(world.at(path), text + line.slice(0, line.length / 2));
              },
            );
          }
        },
        close: async () => {
          if (!dead) await appender.close();
        },
      };
    },
  };
  const processes: HostProcesses = {
    ...real.processes,
    run(command, args, options) {
      const line = [command, ...args].join(' ');
      const act = () => real.processes.run(command, args, options);
      return looks.test(line) ? alive(act()) : effect(line, act);
    },
  };
  const host: Host = {
    ...real,
    files,
    processes,
    setSysctl: (name, value) => effect(`sysctl ${name}`, () => real.setSysctl(name, value)),
  };
  return { host, effects, died };
}

/** Each with its end. */
export function linesOf(bytes: string | Uint8Array): string[] {
  return Buffer.from(bytes as Uint8Array)
    .toString('utf8')
    .split(/(?<=\n)/);
}

/** What an effect leaves behind that was cut off in its middle. */
function tearFile(world: IdcHost, name: (typeof fileEffects)[number], args: readonly unknown[]): void {
  const path = String(args[0]);
  const half = (content: unknown) => String(content).slice(0, String(content).length / 2);
  if (name === 'write') writeFileSync(world.at(temporaryPath(path)), half(args[1]));
  if (name === 'writeStream') writeFileSync(world.at(path), 'not what it sh');
  if (name === 'makeLink') writeFileSync(world.at(temporaryPath(path)), '');
}

/** The one change that is not durable at once, and where it is moved to. */
function noteUnsynced(
  { unsynced }: IdcHost,
  name: (typeof fileEffects)[number],
  args: readonly unknown[],
): void {
  const [path, to] = args.map(String);
  if (path === undefined) return;
  if (name === 'writeStream') unsynced.add(path);
  if (name === 'rename' && to !== undefined && unsynced.delete(path)) unsynced.add(to);
}

/** Of the size that they had: that much the file system remembers at times. */
function losePower(world: IdcHost): void {
  for (const path of world.unsynced) {
    try {
      const place = join(world.root, path);
      writeFileSync(place, Buffer.alloc(statSync(place).size), { flag: 'r+' });
    } catch {
      // Renamed or removed meanwhile, which syncs nothing: its new place is not known here.
    }
  }
  world.unsynced.clear();
}
