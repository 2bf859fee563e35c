// The whole way in front of one's eyes: a cluster in the cloud, hosts in a data centre, joined by the very
// command that a person would paste, a pod, its logs and a command in it through the tunnel. What is running
// afterwards stays until --down. Ctrl-C at any time takes down what there is.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { kubernetesBinaries } from './kubernetes/binaries.ts';
import { run } from './machine/command.ts';
import { runProgram } from './machine/program.ts';
import { createProgress } from './machine/progress.ts';
import type { SandboxHost } from './sandbox/host.ts';
import { runPod } from './sandbox/pod.ts';
import {
  createJoinCommand,
  kubectl,
  pasteJoinCommand,
  readyStatus,
  regnodectl,
  startGatewayWithPool,
  waitForReady,
} from './sandbox/registration.ts';
import { loadState, ownerIsAlive } from './sandbox/registry.ts';
import { openSandbox, type Sandbox, startSandbox } from './sandbox/sandbox.ts';
import { takeDownOwn } from './sandbox/take-down-own.ts';
import { inCloud, inHost, kubectlHere, regnodectlHere } from './sandbox/terminal.ts';

const sandboxName = 'quickstart';
const mostHosts = 5;
const progress = createProgress();
const say = (text = '') => process.stdout.write(`${text}\n`);

await runProgram({ name: 'scripts/quickstart', onInterrupt: takeDownOwn }, () => main(process.argv.slice(2)));

async function main(args: readonly string[]): Promise<number> {
  const [verb = '', ...rest] = args;
  switch (verb) {
    case 'kubectl':
      return kubectlHere((await running()).cloud, rest);
    case 'regnodectl':
      return regnodectlHere((await running()).cloud, rest);
    case 'metrics':
      return showMetrics(await running(), rest[0] ?? '');
    case 'shell':
      return inHost((await running()).host(rest[0] ?? ''), rest.length > 1 ? rest.slice(1) : ['bash', '-l']);
    default:
      return startOrStop([...args]);
  }
}

async function startOrStop(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      hosts: { type: 'string', default: '1' },
      down: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
    },
  });
  if (values.down) return takeDown();
  const count = Number(values.hosts);
  if (!Number.isInteger(count) || count < 1 || count > mostHosts) {
    throw new Error(`--hosts ${values.hosts}: a number from 1 to ${mostHosts} is needed`);
  }
  const names = Array.from({ length: count }, (_, index) => `idc-${index + 1}`);

  const sandbox = (await stillRunning()) ?? (await startCluster());
  try {
    await joinHosts(sandbox, await missingHosts(sandbox, names));
    await showPod(sandbox, 'idc-1');
  } catch (error) {
    if (values.keep) await sandbox.keep();
    else
      await progress.step('taking down what could not be finished (--keep leaves it)', () => sandbox.stop());
    throw error;
  }
  await sandbox.keep();
  await summarize(sandbox);
  return 0;
}

async function startCluster(): Promise<Sandbox> {
  await kubernetesBinaries(progress);
  progress.line('building what hosts install');
  await run('node', ['scripts/build/main.ts', '--no-rpm'], {
    cwd: join(import.meta.dirname, '..'),
    onLine: (line) => process.stderr.write(`${line}\n`),
  });
  const sandbox = await startSandbox({ name: sandboxName, progress });
  await startGatewayWithPool(sandbox, progress);
  return sandbox;
}

/** A cluster that no longer answers is taken down, to be made anew. */
async function stillRunning(): Promise<Sandbox | undefined> {
  const sandbox = await openSandbox(sandboxName, progress);
  if (sandbox === undefined) return undefined;
  const state = await loadState(sandbox.id);
  if (state?.owner !== undefined && (await ownerIsAlive(state)))
    throw new Error('another quickstart is at work');
  const answers = await sandbox.cloud.kubectl(['get', '--raw=/readyz'], { timeoutMs: 10_000 });
  if (answers.exitCode === 0 && (await sandbox.cloud.gatewayIsRunning())) {
    progress.line(`the cluster is running already (sandbox ${sandbox.id})`);
    return sandbox;
  }
  await progress.step('taking down a cluster that no longer answers', () => sandbox.stop());
  return undefined;
}

/** Of these names the ones without a Ready node; what is left of an interrupted join is removed. */
async function missingHosts(sandbox: Sandbox, names: readonly string[]): Promise<string[]> {
  const missing: string[] = [];
  for (const name of names) {
    const host = sandbox.hosts.find((one) => one.name === name);
    if (host !== undefined && (await readyStatus(sandbox, name)) === 'True') continue;
    missing.push(name);
    if (host === undefined) continue;
    progress.line(`${name} is there but not Ready: making it anew`);
    await sandbox.cloud.regnodectl(['node', 'remove', name, '--force']);
    await host.remove();
  }
  return missing;
}

async function joinHosts(sandbox: Sandbox, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  const hosts: SandboxHost[] = [];
  for (const name of names) hosts.push(await sandbox.addHost({ name, identity: 'tencentos-3.1' }));
  const command = await createJoinCommand(sandbox, ['--uses', String(names.length)]);
  say(
    `\nThe join command, made by "regnodectl token create", as it is pasted on ${names.join(', ')}:\n\n${command}\n`,
  );
  await Promise.all(hosts.map((host) => joinHost(sandbox, host, command)));
}

async function joinHost(sandbox: Sandbox, host: SandboxHost, command: string): Promise<void> {
  const said: string[] = [];
  const hear = (line: string) => {
    said.push(line);
    if (isPhase(line)) progress.line(`  ${host.name} | ${line}`);
  };
  await progress.step(`joining ${host.name}`, async () => {
    const joined = await pasteJoinCommand(host, command, {}, hear);
    const log = join(sandbox.cloud.files.logs, `join-${host.name}.log`);
    await writeFile(log, `${said.join('\n')}\n`);
    if (joined.exitCode !== 0) {
      process.stderr.write(`${said.join('\n')}\n`);
      throw new Error(`${host.name} did not join (exit code ${joined.exitCode}); all that it said is above`);
    }
    progress.line(`  ${host.name} | (all ${said.length} lines of it: ${log})`);
    await waitForReady(sandbox, host.name);
  });
  progress.line(`${host.name} is Ready`);
  await sandbox.startKubeProxy(host);
}

/** Of all that a join says the phases and the long steps: not each check, not each link. */
function isPhase(line: string): boolean {
  return /^\[|^This host|^\S+: | {5}(?:fetch|unpack|run|not Ready|the kubelet) /.test(line);
}

async function showPod(sandbox: Sandbox, node: string): Promise<void> {
  const pod = 'hello';
  await progress.step(`running a pod on ${node}`, () => runPod(sandbox, pod, node));
  for (const args of [
    ['get', 'nodes', '-o', 'wide'],
    ['get', 'pod', pod, '-o', 'wide'],
    ['logs', pod, '--tail=3'],
    ['exec', pod, '--', 'sh', '-c', 'echo "a command inside the pod on $NODE_NAME, through the tunnel"'],
  ]) {
    say(`\n$ kubectl ${args.map((word) => (word.includes(' ') ? `'${word}'` : word)).join(' ')}`);
    say((await kubectl(sandbox, args)).trimEnd());
  }
  say('\n$ regnodectl node list');
  say((await regnodectl(sandbox, ['node', 'list'])).trimEnd());
}

async function summarize(sandbox: Sandbox): Promise<void> {
  const [first] = sandbox.hosts;
  say(`
Running now, until "scripts/quickstart --down":
  cloud    namespace ${sandbox.cloud.namespace}: API server ${sandbox.cloud.apiServerUrl}, gateway ${sandbox.cloud.gatewayUrl}
           logs ${sandbox.cloud.files.logs}
  hosts    ${sandbox.hosts.map((host) => `${host.name} ${host.address}`).join(', ')} (systemd containers with their own network)
  line     nothing can connect from the cloud to a host: kubectl logs and exec above came through the tunnel

Look around:
  scripts/quickstart kubectl get pods -A -o wide
  scripts/quickstart kubectl exec -it hello -- sh
  scripts/quickstart regnodectl node get ${first?.name ?? 'idc-1'}
  scripts/quickstart metrics node_memory            live, from the host's own collectors
  scripts/quickstart shell ${first?.name ?? 'idc-1'}                    then: regnode status; journalctl -u regnode`);
}

function showMetrics(sandbox: Sandbox, pattern: string): Promise<number> {
  const url = `${sandbox.cloud.statusUrl}/metrics`;
  return inCloud(sandbox.cloud, [
    'sh',
    '-c',
    'curl -s "$1" | grep -v "^#" | grep -e "$2"',
    'sh',
    url,
    pattern,
  ]);
}

async function running(): Promise<Sandbox> {
  const sandbox = await openSandbox(sandboxName, progress);
  if (sandbox === undefined) throw new Error('nothing is running; start it with scripts/quickstart');
  return sandbox;
}

async function takeDown(): Promise<number> {
  const sandbox = await openSandbox(sandboxName, progress);
  if (sandbox === undefined) progress.line('nothing is running');
  else await progress.step(`taking down sandbox ${sandbox.id}`, () => sandbox.stop());
  return 0;
}
