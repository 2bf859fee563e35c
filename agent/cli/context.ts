// What every command is handed: the host, the terminal, the environment without its secrets, and
// a signal that Ctrl-C gives.
import type { Command } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { languageOf } from '../../protocol/cli/language.ts';
import { type Output, Terminal } from '../../protocol/cli/terminal.ts';
import type { Host } from '../host/host.ts';

export interface CliContext {
  readonly host: Host;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** From REGNODE_TOKEN, which is out of the environment by now. */
  readonly token: string | undefined;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly signal: AbortSignal;
  /** Asks a person; absent where nobody sits at a terminal. */
  readonly ask?: (question: string) => Promise<string>;
}

export function terminalOf(context: CliContext, flags: { json?: boolean; language?: string }): Terminal {
  const { environment, stdout, stderr } = context;
  return new Terminal({
    language: languageOf(flags.language, environment),
    json: flags.json ?? false,
    stdout,
    stderr,
    noColor: (environment.NO_COLOR ?? '') !== '',
  });
}

/** The terminal for a command's own flags and those of the program. */
export function terminalFor(context: CliContext, command: Command): Terminal {
  return terminalOf(context, command.optsWithGlobals<{ json?: boolean; language?: string }>());
}

export function requireRoot(host: Host): void {
  if (host.processes.uid !== 0) throw new Fault('NOT_ROOT', { uid: host.processes.uid });
}
