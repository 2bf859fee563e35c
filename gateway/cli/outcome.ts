// How the gateway's programs end, by the kit that they share with the agent. Results go to stdout, everything
// else to stderr. A refusal of the API server is a fault with the request and its answer.
import type { Command } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Text } from '../../protocol/catalogue/text.ts';
import { outliveBrokenOutput } from '../../protocol/cli/broken-output.ts';
import { runToItsEnd } from '../../protocol/cli/outcome.ts';
import { Terminal } from '../../protocol/cli/terminal.ts';
import { KubernetesFailure } from '../kubernetes/kubernetes.ts';
import { ownLanguage, say } from './language.ts';
import { tellProgress } from './output.ts';

/** Parses and runs; never throws. The exit code is set, so output is not cut off. */
export async function runProgram(program: Command, argv: readonly string[]): Promise<void> {
  const { stdout, stderr } = process;
  outliveBrokenOutput(stdout, stderr, ownLanguage());
  const args = argv.slice(2);
  const failed = await runToItsEnd(program, args, {
    stdout,
    stderr,
    terminal: () => terminalFor(args.includes('--json')),
    faultOf: refusalOfKubernetes,
  });
  if (failed !== 0) process.exitCode = failed;
}

export function tellDone(text: Text): void {
  tellProgress(`[ok] ${say(text)}`);
}

function terminalFor(json: boolean): Terminal {
  const { stdout, stderr, env } = process;
  return new Terminal({
    language: ownLanguage(),
    json,
    stdout,
    stderr,
    noColor: (env.NO_COLOR ?? '') !== '',
  });
}

function refusalOfKubernetes(error: unknown): Fault | undefined {
  if (!(error instanceof KubernetesFailure)) return undefined;
  const { request, message } = error;
  return new Fault('KUBERNETES_REFUSED', { request, detail: message }, { cause: error });
}
