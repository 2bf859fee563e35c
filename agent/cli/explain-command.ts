// regnode explain CODE: what a code means and what to do about it, in either language.
import { Command } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { catalogue } from '../../protocol/catalogue/index.ts';
import { nearest } from '../config/nearest.ts';
import { explainCode } from '../preflight/explain.ts';
import { checkCodes } from '../preflight/messages/index.ts';
import { type CliContext, terminalFor } from './context.ts';

export function explainCommand(context: CliContext): Command {
  return new Command('explain')
    .description('say what a code means and what to do about it')
    .argument('<code>', 'as it was printed, e.g. TOKEN_EXPIRED')
    .option('--json', 'as JSON')
    .action((code: string, _flags: object, command: Command) => {
      const terminal = terminalFor(context, command);
      const text = explainCode(code, terminal.language);
      if (text === undefined) throw unknown(code);
      terminal.result(`${text}\n`);
      terminal.resultJson({ code: text.split(/\s/, 1)[0], text });
    });
}

function unknown(code: string): Fault {
  const meant = nearest(code, [...Object.keys(catalogue), ...checkCodes]);
  return new Fault('CODE_UNKNOWN', { code, nearest: meant ?? 'PREFLIGHT_FAILED' });
}
