// Shell completion for bash and zsh, made from the command tree itself, so it can't
// forget a command or a flag.
import { Argument, Command } from 'commander';
import type { Output } from './terminal.ts';

export function completionCommand(program: Command, stdout: Output): Command {
  return new Command('completion')
    .description(`print shell completion: source <(${program.name()} completion bash)`)
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh']))
    .action((shell: string) => {
      stdout.write(shell === 'zsh' ? zsh(program) : bash(program));
    });
}

/** Path of a command (`node list`) → the words that may come next. */
function words(command: Command, path: readonly string[] = []): [string, string][] {
  const children = command.commands.filter((child) => child.name() !== 'help');
  const flags = command.options.flatMap(({ long }) => (long ? [long] : []));
  const next = [...children.map((child) => child.name()), ...flags, '--help'].join(' ');
  return [[path.join(' '), next], ...children.flatMap((child) => words(child, [...path, child.name()]))];
}

function bash(program: Command): string {
  const name = program.name();
  const fn = `_${name.replaceAll('-', '_')}`;
  const cases = words(program).map(([path, next]) => `      "${path}") words="${next}" ;;`);
  return `${fn}() {
  local word path="" words=""
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  # A word that is no command (a node's name) ends the path: go back to the last that is one.
  while :; do
    case "$path" in
${cases.join('\n')}
    esac
    if [ -n "$words" ] || [ -z "$path" ]; then break; fi
    case "$path" in *" "*) path="\${path% *}" ;; *) path="" ;; esac
  done
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -o default -F ${fn} ${name}
`;
}

function zsh(program: Command): string {
  return `autoload -U +X bashcompinit && bashcompinit\n${bash(program)}`;
}
