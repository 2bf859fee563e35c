// Streams survive the connection that carries them: a `kubectl exec` echoes numbered lines while
// the cable is pulled five times for 20 s and the tunnel's socket is killed once. Every number
// comes back once and in order.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CommandResult } from '../../scripts/machine/command.ts';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { runPod } from '../../scripts/sandbox/pod.ts';
import { startJoinedSandbox } from '../../scripts/sandbox/ready.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';

const cuts = 5;
const cutMs = 20_000;
const betweenMs = 5_000;

let sandbox: Sandbox;
let host: SandboxHost;

beforeAll(async () => {
  ({ sandbox, host } = await startJoinedSandbox({ name: 'e2e-exec-resume' }));
  await runPod(sandbox, 'echo', 'idc-1');
});
afterAll(() => sandbox?.stop());

/** Sends 1, 2, 3, … to `cat` in the pod, twenty a second, until the file `stop` is there. */
function startEcho(stop: string): Promise<CommandResult> {
  const { kubernetes, adminKubeconfig, files } = sandbox.cloud;
  const script = [
    `i=0; while [ ! -e ${stop} ]; do i=$((i+1)); echo $i; sleep 0.05; done`,
    `${join(kubernetes, 'kubectl')} --kubeconfig=${adminKubeconfig} exec -i echo -- cat`,
  ].join(' | ');
  return sandbox.cloud.run('sh', ['-c', script], { timeoutMs: 300_000, cwd: files.folder });
}

test('every number comes back once and in order, over five cuts and a killed socket', async () => {
  const stop = join(sandbox.cloud.files.folder, 'stop-echo');
  const echo = startEcho(stop);
  for (let cut = 0; cut < cuts; cut++) {
    await sleep(betweenMs);
    await host.cutLink();
    await sleep(cutMs); // the outage itself
    await host.restoreLink();
  }
  await sleep(betweenMs);
  const killed = await sandbox.cloud.run('ss', ['-K', 'state', 'established', 'sport', '=', ':443']);
  expect(killed, killed.stderr).toMatchObject({ exitCode: 0 });
  await sleep(betweenMs);
  await sandbox.cloud.run('touch', [stop]);
  const result = await echo;
  const numbers = result.stdout.trim().split('\n').map(Number);
  expect(result.exitCode, result.stderr).toBe(0);
  expect(numbers.length).toBeGreaterThan(500);
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
});
