// Docker or Podman beside us, which began after the join and calls its things as a pod network does: a leave
// takes what was our pods', in a real network namespace.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { bridgesOf } from '../../../../agent/plan/links.ts';

const isRoot = process.getuid?.() === 0;

/**
 * Runs below `unshare`: notes, has others make theirs and pods make ours, undoes, and prints what is left.
 */
const program = `
import { createHost } from './agent/host/real.ts';
import { podNetworkKind } from './agent/plan/kinds/pod-network.ts';
import { spawn } from 'node:child_process';
const host = createHost();
const tools = { host, backups: undefined };
const run = async (command, ...args) => {
  const { exitCode, stderr } = await host.processes.run(command, args);
  if (exitCode !== 0) throw new Error(command + ' ' + args.join(' ') + ': ' + stderr);
};
const links = async () => (await host.network.interfaces()).map(({ name }) => name).sort();
const veth = async (name, bridge) => {
  await run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'p' + name.slice(4));
  if (bridge !== undefined) await run('ip', 'link', 'set', name, 'master', bridge);
};
await run('mount', '-t', 'tmpfs', 'none', '/run');
await run('ip', 'link', 'add', 'br-own', 'type', 'bridge');
const entry = await podNetworkKind.record(tools, { kind: 'pod-network' }, undefined);
for (const bridge of ['docker0', 'cni-podman0', 'lxcbr0', 'cni0'])
  await run('ip', 'link', 'add', bridge, 'type', 'bridge');
await veth('vethaa', 'docker0');
await veth('vethbb', 'cni-podman0');
await veth('vethcc', 'br-own');
await veth('vethdd', 'cni0');
await veth('vethee');
for (const name of ['cni-theirs', 'cni-ours']) await run('ip', 'netns', 'add', name);
const lives = spawn('ip', ['netns', 'exec', 'cni-theirs', 'sh', '-c', 'echo here; read end'], { stdio: ['pipe', 'pipe', 'inherit'] });
await new Promise((resolve) => lives.stdout.once('data', resolve));
const outcome = await podNetworkKind.undo(tools, [entry]);
lives.stdin.end();
console.log(JSON.stringify({ outcome, links: await links(), namespaces: await host.files.list('/run/netns') }));
`;

test.runIf(isRoot)(
  'what another runtime has made since stays, what pods have made goes',
  async () => {
    const args = [
      '--net',
      '--mount',
      '--propagation',
      'private',
      process.execPath,
      '--input-type=module-typescript',
      '-e',
      program,
    ];
    const child = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    await once(child, 'close');
    const { outcome, links, namespaces } = JSON.parse(said) as Record<string, unknown>;
    expect(outcome).toEqual({ outcome: 'restored' });
    expect(links).toEqual(
      expect.arrayContaining(['br-own', 'cni-podman0', 'docker0', 'lxcbr0', 'vethaa', 'vethbb', 'vethcc']),
    );
    expect(links).not.toEqual(expect.arrayContaining(['cni0']));
    for (const gone of ['cni0', 'vethdd', 'vethee']) expect(links).not.toContain(gone);
    expect(namespaces).toEqual(['cni-theirs']);
  },
  60_000,
);

test('a link is on the bridge that its line names', () => {
  const printed = [
    '2: eth0: <UP> mtu 1500 qdisc mq state UP',
    '7: vethab@if6: <UP> mtu 1500 qdisc noqueue master docker0 state UP',
  ].join('\n');
  expect([...bridgesOf(printed)]).toEqual([['vethab', 'docker0']]);
});
