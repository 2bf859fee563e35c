// Whether containerd answers a question. That its socket takes connections proves little: a frozen one's does
// too, and the heartbeat's quick probe is content with that. Asked by its own client, as the doctor does.
import { paths } from '../../config/paths.ts';
import { ctrArguments, ctrProgram } from '../../doctor/observation/containerd.ts';
import type { Host } from '../../host/host.ts';
import type { HealthSource } from '../condition.ts';

const everyMs = 30_000;
const timeoutMs = 10_000;

export function containerdSource(host: Host): HealthSource {
  return {
    name: 'containerd',
    everyMs,
    async look(_isVisible, signal) {
      const code = 'CONTAINERD_UNHEALTHY';
      const program = await ctrProgram(host);
      // While components are being put in place there is none.
      if (program === undefined) return [{ code, state: 'unknown' }];
      const { exitCode } = await host.processes.run(program, ctrArguments, { timeoutMs, signal });
      if (signal.aborted) return [];
      return [{ code, state: exitCode === 0 ? 'good' : 'bad', values: { socket: paths.containerdSocket } }];
    },
  };
}
