// containerd answers a question. A frozen one still has a socket that takes connections, so it is asked for
// its namespaces by its own client, which is ended when it gets no answer.
import { define, fail, ok } from '../../preflight/check.ts';
import { ctrArguments, ctrProgram } from '../observation/containerd.ts';
import { processState, readService } from '../observation/service.ts';

export const containerdAnswer = define({
  code: 'CONTAINERD_ANSWER',
  id: 'containerd-answer',
  group: 'node',
  severity: 'blocking',
  dependsOn: ['CONTAINERD_SERVICE'],
  async run(host) {
    const program = await ctrProgram(host);
    if (program === undefined) return fail('noClient', 'ctr: none', 'ctr');
    const result = await host.processes.run(program, ctrArguments);
    if (result.exitCode === 0)
      return ok(`namespaces: ${result.stdout.trim().split('\n').join(', ') || 'none'}`);
    const service = await readService(host, 'containerd.service');
    const pid = service?.pid ?? 0;
    if ((await processState(host, pid)) === 'T') return fail('frozen', `pid ${pid}: T`, 'running', { pid });
    const detail = result.outcome === 'exited' ? lastLine(result.stderr) : result.outcome;
    return fail('silent', detail, '≤ 3 s', { detail });
  },
});

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.slice(0, 300) ?? '';
}
