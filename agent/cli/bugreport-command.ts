// regnode bugreport: writes one file with what a maintainer needs and no secret, and prints its contents and
// an id. The id stands in the host's log too.
import { randomBytes } from 'node:crypto';
import { Command } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Text } from '../../protocol/catalogue/text.ts';
import { makeBugreport } from '../bugreport/bugreport.ts';
import type { Host } from '../host/host.ts';
import { type CliContext, requireRoot, terminalFor } from './context.ts';

export function bugreportCommand(context: CliContext): Command {
  return new Command('bugreport')
    .description('write what a maintainer needs into one file, without any secret')
    .option('--output <file>', 'where to; default: /var/tmp/regnode-bugreport-ID.tar.gz')
    .option('--json', 'the list of contents as JSON')
    .action(async ({ output }: { output?: string }, command: Command) => {
      const terminal = terminalFor(context, command);
      const { host, signal, token } = context;
      requireRoot(host);
      const id = newId(host.clock.nowMs());
      const path = output ?? `/var/tmp/regnode-bugreport-${id}.tar.gz`;
      if ((await host.files.status(path)) !== undefined)
        throw new Fault('PATH_OCCUPIED', { path, kind: 'file' });
      const isLogged = await log(host, `${id} begins`);
      const { language } = terminal;
      const { archive, contents } = await makeBugreport(host, { id, language, secrets: [token], signal });
      signal.throwIfAborted();
      await host.files.write(path, archive, { mode: 0o600 });
      await log(host, `${id} is ${path}, ${archive.length} bytes, ${contents.length} files`);
      terminal.result(contents.map(({ name, bytes }) => `${String(bytes).padStart(9)}  ${name}\n`).join(''));
      terminal.resultJson({ id, path, bytes: archive.length, contents });
      terminal.progress('ok', `${id}  ${path} (${archive.length} bytes)`);
      if (!isLogged) terminal.progress('skip', terminal.say(notLogged));
      terminal.note(terminal.say(hint));
    });
}

/** Sorts by time, and can be said over a telephone. */
function newId(nowMs: number): string {
  const at = new Date(nowMs).toISOString().replaceAll(/[-:]|\..*/g, '');
  return `br-${at.toLowerCase()}-${randomBytes(4).toString('hex')}`;
}

async function log(host: Host, text: string): Promise<boolean> {
  const result = await host.processes.run('logger', ['--tag', 'regnode-bugreport', text], {
    timeoutMs: 5000,
  });
  return result.exitCode === 0;
}

const notLogged: Text = { en: 'the id could not be written to the log', zh: '未能将编号写入系统日志' };
const hint: Text = {
  en: 'Keys, tokens and passwords are left out, and it was searched for them. Look through it before you send it.',
  zh: '密钥、令牌与口令均未收入，并已逐一扫描。发送前请自行过目。',
};
