// A Host of which each effect passes by one function: what a death can come after, or into the middle of.
// Commands that only look are none, and neither is reading.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryPath } from '../../agent/host/durable.ts';
import type { DurableAppender, Host, HostFiles, HostProcesses } from '../../agent/host/host.ts';
import type { IdcHost } from './idc-host.ts';

/** What an effect leaves in a world that was cut off in its middle. */
export type Tear = (world: IdcHost) => void;

export interface Passage {
  /** Each effect, by what it is; `act` carries it out. */
  effect<T>(name: string, act: () => Promise<T>, tear?: Tear): Promise<T>;
  /** What is no effect. */
  look<T>(act: () => Promise<T>): Promise<T>;
  opened(appender: DurableAppender): Promise<void>;
  close(appender: DurableAppender): Promise<void>;
}

export const fileEffects = [
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

export function hostOfEffects(world: IdcHost, { effect, look, opened, close }: Passage): Host {
  const real = world.host;
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
            (torn) => tearFile(torn, name, args),
          );
        },
      ]),
    ),
    async sync(path) {
      await look(() => real.files.sync(path));
      world.unsynced.delete(path);
    },
    async openAppender(path, mode) {
      const appender = await effect(`openAppender ${path}`, async () => {
        const one = await real.files.openAppender(path, mode);
        await opened(one);
        return one;
      });
      return {
        // One write of several lines may leave any number of them.
        async append(bytes) {
          for (const line of linesOf(bytes)) {
            await effect(
              `append ${path}`,
              () => appender.append(line),
              (torn) => {
                const text = readFileSync(torn.at(path), 'utf8');
                writeFileSync(torn.at(path), text + line.slice(0, line.length / 2));
              },
            );
          }
        },
        close: () => close(appender),
      };
    },
  };
  const processes: HostProcesses = {
    ...real.processes,
    run(command, args, options) {
      const line = [command, ...args].join(' ');
      const act = () => real.processes.run(command, args, options);
      return looks.test(line) ? look(act) : effect(line, act);
    },
  };
  const setSysctl: Host['setSysctl'] = (name, value) =>
    effect(`sysctl ${name}`, () => real.setSysctl(name, value));
  return { ...real, files, processes, setSysctl };
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
  [path, to]: readonly unknown[],
): void {
  if (name === 'writeStream') unsynced.add(String(path));
  if (name === 'rename' && unsynced.delete(String(path))) unsynced.add(String(to));
}

/** Of the size that they had: that much the file system remembers at times. */
export function losePower(world: IdcHost): void {
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
