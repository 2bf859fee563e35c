// regnode completion bash|zsh, made from the commands themselves, so that it forgets none.
import { Argument, Command } from 'commander';
import type { CliContext } from './context.ts';

export function completionCommand(context: CliContext, program: Command): Command {
  return new Command('completion')
    .description('print shell completion: source <(regnode completion bash)')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh']))
    .action((shell: string) => {
      const prologue = shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : '';
      context.stdout.write(`${prologue}${script(program)}`);
    });
}

function script(program: Command): string {
  const names = program.commands.map((command) => command.name());
  const cases = program.commands.map((command) => {
    const flags = command.options.map((option) => option.long).filter((flag) => flag !== undefined);
    return `    ${command.name()}) words="${[...flags, '--help'].join(' ')}" ;;`;
  });
  return [
    '_regnode() {',
    '  local words',
    `  case "\${COMP_WORDS[1]}" in`,
    ...cases,
    `    *) words="${[...names, '--language', '--help', '--version'].join(' ')}" ;;`,
    '  esac',
    `  mapfile -t COMPREPLY < <(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}")`,
    '}',
    'complete -o default -F _regnode regnode',
    '',
  ].join('\n');
}
