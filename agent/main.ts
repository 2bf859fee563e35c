#!/usr/bin/env node
// regnode, the agent of a registered node. Takes the token out of the environment before anything else can
// see it, makes the host, runs the command, and leaves the exit code.
import { outliveBrokenOutput } from '../protocol/cli/broken-output.ts';
import { languageOf } from '../protocol/cli/language.ts';
import { createHost } from './host/real.ts';

const token = process.env.REGNODE_TOKEN;
delete process.env.REGNODE_TOKEN;
const host = createHost();

const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(name, () => stop.abort());

outliveBrokenOutput(process.stdout, process.stderr, languageOf(undefined, host.environment));

// The daemon stays: it doesn't carry the other commands with it.
const { runProgram } =
  process.argv[2] === 'run' ? await import('./cli/daemon-program.ts') : await import('./cli/program.ts');
process.exitCode = await runProgram(
  {
    host,
    environment: host.environment,
    token,
    stdout: process.stdout,
    stderr: process.stderr,
    signal: stop.signal,
    ...(process.stdin.isTTY ? { ask } : {}),
  },
  process.argv.slice(2),
);

async function ask(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await terminal.question(question, { signal: stop.signal });
  } finally {
    terminal.close();
  }
}
