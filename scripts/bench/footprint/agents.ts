// The whole agent as a host has it: a sandbox with the real gateway and two joined hosts, one of a pool at 10
// s and one of a pool at 1 s, with kubelet and containerd beside it.
import { gzipSync } from 'node:zlib';
import { run } from '../../machine/command.ts';
import type { Progress } from '../../machine/progress.ts';
import type { SandboxHost } from '../../sandbox/host.ts';
import {
  createPool,
  pasteJoinCommand,
  regnodectl,
  startGatewayWithPool,
  waitForReady,
} from '../../sandbox/registration.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import type { Contender } from './contenders.ts';
import { findProcess } from './process-cost.ts';

export async function joinAgent(
  sandbox: Sandbox,
  seconds: number,
): Promise<Contender & { readonly host: SandboxHost }> {
  const pool = `every-${seconds}s`;
  const interval = ['--metrics-interval', `${seconds}s`, '--heartbeat-interval', `${seconds}s`];
  await createPool(sandbox, pool, interval);
  const host = await sandbox.addHost({ name: `idc-${seconds}s` });
  const token = JSON.parse(await regnodectl(sandbox, ['token', 'create', '--pool', pool, '--json'])) as {
    command: string;
  };
  const joined = await pasteJoinCommand(host, token.command);
  if (joined.exitCode !== 0) throw new Error(joined.stdout + joined.stderr);
  await waitForReady(sandbox, host.name);
  const pid = await findProcess(await host.initPid(), 'app/main.js run');
  return { name: `regnode_${seconds}s`, host, pid, wireBytes: () => tunnelBytes(pid), stop: () => undefined };
}

export async function startGateway(sandbox: Sandbox, progress: Progress): Promise<void> {
  await startGatewayWithPool(sandbox, progress);
}

/** Of the one connection to the gateway: TLS and all, without TCP's and IP's headers. */
async function tunnelBytes(pid: number): Promise<number> {
  const { stdout } = await run('nsenter', [
    `--target=${pid}`,
    '--net',
    'ss',
    '-tinpH',
    'state',
    'established',
    '( dport = :443 )',
  ]);
  const lines = stdout.split('\n');
  const at = lines.findIndex((line) => line.includes(`pid=${pid},`));
  const number = (name: string) => Number(new RegExp(`${name}:(\\d+)`).exec(lines[at + 1] ?? '')?.[1] ?? 0);
  if (at < 0) throw new Error(`the agent ${pid} has no connection to its gateway`);
  return number('bytes_acked') + number('bytes_received');
}

/**
 * What a scrape of the same values would carry, once: text as Prometheus gets it, plain
 * and as it asks for it (gzip).
 */
export async function scrapeOf(
  sandbox: Sandbox,
  node: string,
): Promise<{ plainBytes: number; gzipBytes: number; series: number }> {
  const { stdout } = await sandbox.cloud.run('curl', ['-s', `${sandbox.cloud.statusUrl}/metrics`]);
  const lines = stdout.split('\n');
  const values = lines.filter((line) => line.includes(`node="${node}"`));
  const names = new Set(values.map((line) => line.slice(0, line.indexOf('{'))));
  const types = lines.filter((line) => line.startsWith('# TYPE ') && names.has(line.split(' ')[2] ?? ''));
  // A node's own exporter would not say which node and pool.
  const text = [...types, ...values].join('\n').replaceAll(/node="[^"]*",pool="[^"]*",?/g, '');
  return { plainBytes: Buffer.byteLength(text), gzipBytes: gzipSync(text).byteLength, series: values.length };
}
