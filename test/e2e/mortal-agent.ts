// The agent as it is shipped, with one difference: it may be told to die. Its first argument says
// when, and then it kills itself with SIGKILL, so no catch, no finally and no exit handler of it
// runs. Only tests start it; the product has no such door. Bundled by the same build as the agent, it
// runs on the host's own runtime.
//
//   journal-before:7   when the seventh entry of the journal is about to be written
//   journal-after:7    when that entry is on the disk and its change is not begun
//   effect-before:7    when the seventh change of the host is about to be made
//   effect-after:7     when it is made and nothing knows of it yet
//   never              lives, and writes what changes it made to the file that MORTAL_EFFECTS names
import { appendFileSync } from 'node:fs';
import { runProgram } from '../../agent/cli/program.ts';
import { paths } from '../../agent/config/paths.ts';
import type { Host, HostFiles } from '../../agent/host/host.ts';
import { createHost } from '../../agent/host/real.ts';
import { fileEffects, linesOf, looks } from '../worlds/effects.ts';

const [death = 'never', ...args] = process.argv.slice(2);
const [moment = '', number = '0'] = death.split(':');
const counts = { journal: 0, effect: 0 };

async function around<T>(kind: keyof typeof counts, name: string, act: () => Promise<T>): Promise<T> {
  counts[kind] += 1;
  const isHere = counts[kind] === Number(number);
  if (isHere && moment === `${kind}-before`) await die();
  const result = await act();
  const file = process.env.MORTAL_EFFECTS;
  if (file !== undefined) appendFileSync(file, `${kind} ${counts[kind]} ${name}\n`);
  if (isHere && moment === `${kind}-after`) await die();
  return result;
}

async function die(): Promise<never> {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => undefined);
}

function mortal(real: Host): Host {
  const files: HostFiles = {
    ...real.files,
    ...Object.fromEntries(
      fileEffects.map((name) => {
        const act = real.files[name] as (...given: unknown[]) => Promise<unknown>;
        return [
          name,
          (...given: unknown[]) => around('effect', `${name} ${String(given[0])}`, () => act(...given)),
        ];
      }),
    ),
    async openAppender(path, mode) {
      const appender = await real.files.openAppender(path, mode);
      if (path !== paths.journal) return appender;
      return {
        ...appender,
        // Of several entries that are written at once, any number may be on the disk.
        async append(bytes) {
          for (const line of linesOf(bytes)) await around('journal', 'append', () => appender.append(line));
        },
      };
    },
  };
  return {
    ...real,
    files,
    processes: {
      ...real.processes,
      run(command, given, options) {
        const line = [command, ...given].join(' ');
        const act = () => real.processes.run(command, given, options);
        return looks.test(line) ? act() : around('effect', line, act);
      },
    },
    setSysctl: (name, value) => around('effect', `sysctl ${name}`, () => real.setSysctl(name, value)),
  };
}

const token = process.env.REGNODE_TOKEN;
delete process.env.REGNODE_TOKEN;
process.exitCode = await runProgram(
  {
    host: mortal(createHost()),
    environment: process.env,
    token,
    stdout: process.stdout,
    stderr: process.stderr,
    signal: new AbortController().signal,
  },
  args,
);
