// docs/reference/commands.md: every command of the three programs with its arguments and
// flags, as commander has them.
import type { Command, Option } from 'commander';
import { programOf } from '../../agent/cli/outcome.ts';
import { commandsOf } from '../../agent/cli/program.ts';
import { createHost } from '../../agent/host/real.ts';
import { regnodectlProgram } from '../../gateway/cli/regnodectl-program.ts';
import { gatewayProgram } from '../../gateway/serve/program.ts';
import { code, page, table } from './table.ts';

export function commandsPage(): string {
  return page(
    'Commands',
    'Every command has `--help`. Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 preflight failed, 4 busy, 5 unhealthy or timed out.',
    ...programs().flatMap((program) => [`## ${program.name()}`, ...described(program, program.name())]),
  );
}

export function programs(): readonly Command[] {
  const nowhere = { write: () => true };
  const context = {
    ...{ host: createHost(), environment: {}, token: undefined, stdout: nowhere, stderr: nowhere },
    signal: new AbortController().signal,
  };
  return [programOf(context, () => {}, commandsOf), gatewayProgram(), regnodectlProgram()];
}

function described(command: Command, path: string): string[] {
  const words = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  const options = command.options.filter(({ hidden }) => !hidden);
  const isProgram = command.parent === null;
  return [
    ...(isProgram ? [] : [`### ${code([path, ...words].join(' '))}`]),
    `${command.description()}.`,
    ...(options.length === 0 ? [] : [table(['flag', 'meaning', 'default'], options.map(rowOf))]),
    ...command.commands.flatMap((child) => described(child, `${path} ${child.name()}`)),
  ];
}

function rowOf(option: Option): readonly string[] {
  const { flags, description, argChoices, defaultValue, mandatory } = option;
  // What a flag of a pool has by default is in its description.
  const choices = argChoices === undefined ? '' : ` (${argChoices.map(code).join(', ')})`;
  const standing = defaultValue === undefined ? '' : code(String(defaultValue));
  return [code(flags), `${description}${choices}`, standing || (mandatory ? 'must be given' : '')];
}
