// "Preflight changes nothing", tried on this very machine: the real host behind a door that refuses every
// function that could change something, and a list of each command that was run.
import { expect, test } from 'vitest';
import type { Host } from '../../../../agent/host/host.ts';
import { createHost } from '../../../../agent/host/real.ts';
import { readingCommands } from '../../../../agent/preflight/observed-host.ts';
import { registry } from '../../../../agent/preflight/registry.ts';
import { runPreflight } from '../../../../agent/preflight/runner.ts';

test('the whole preflight reads, on a real host, and is quick', async () => {
  const attempts: string[] = [];
  const commands: string[] = [];
  const host = guard(createHost(), attempts, commands);
  const report = await runPreflight(host, {
    networkMode: 'cilium',
    kubernetesVersion: 'v1.36.0',
    gatewayUrl: 'https://127.0.0.1:9',
    clusterCidrs: ['198.18.0.0/15'],
  });
  expect(attempts).toEqual([]);
  expect(report.checks).toHaveLength(registry.length);
  expect(report.checks.filter((check) => check.problem === 'broken')).toEqual([]);
  for (const line of commands) {
    const [command = '', ...args] = line.split(' ');
    expect(readingCommands[command]?.test(args.join(' ')), line).toBe(true);
  }
  expect(report.durationMs).toBeLessThan(10_000);
});

/** Reading goes through; everything else is noted and refused. */
function guard(host: Host, attempts: string[], commands: string[]): Host {
  const refuse = (what: string) => async (): Promise<never> => {
    attempts.push(what);
    throw new Error(`refused: ${what}`);
  };
  const contents = ['readText', 'readBytes', 'readStream'];
  const reading = [...contents, 'list', 'status', 'exists', 'resolve', 'sha256', 'space'];
  const mutating = Object.keys(host.files).filter((name) => !reading.includes(name));
  return {
    ...host,
    files: { ...host.files, ...Object.fromEntries(mutating.map((name) => [name, refuse(name)])) },
    processes: {
      uid: host.processes.uid,
      pid: host.processes.pid,
      lock: refuse('lock'),
      run: (command, args, options) => {
        commands.push([command, ...args].join(' '));
        return host.processes.run(command, args, options);
      },
    },
    setSysctl: refuse('setSysctl'),
  };
}
