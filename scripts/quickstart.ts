// The whole way in front of one's eyes: a cluster in the cloud, hosts in a data centre, joined by the very
// command that a person would paste, a pod, its logs and a command in it through the tunnel. What is running
// afterwards stays until --down. Ctrl-C, or a host that does not join, takes back what this run has begun and
// nothing that stood before.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { kubernetesBinaries } from './kubernetes/binaries.ts';
import { Interrupted, run } from './machine/command.ts';
import { hasKubernetes, rememberDuration } from './machine/durations.ts';
import { acquireLock } from './machine/lock.ts';
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
import { loadState, ownCheckout, ownerIsAlive } from './sandbox/registry.ts';
import { removeHost } from './sandbox/removal.ts';
import { openSandbox, type Sandbox, startSandbox } from './sandbox/sandbox.ts';
import { removeHosts, takeDownOwn } from './sandbox/take-down-own.ts';
import { inCloud, inHost, kubectlHere, regnodectlHere } from './sandbox/terminal.ts';

const sandboxName = 'quickstart';
const mostHosts = 5;
const comingBackMs = 60_000;
const progress = createProgress();
const say = (text = '') => process.stdout.write(`${text}\n`);

/** Hosts that are not Ready yet, of a cluster that stood before this run. */
const adding = new Set<string>();
let isInterrupted = false;

await runProgram({ name: 'scripts/quickstart', onInterrupt: takeBack }, () => main(process.argv.slice(2)));

function takeBack(): void {
  // What a host still says while it is taken away interests nobody.
  isInterrupted = true;
  takeDownOwn();
  removeHosts(sandboxName, [...adding]);
}

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

  const turn = await acquireLock(await ownCheckout(), () =>
    progress.line('waiting for another quickstart of this checkout to end'),
  );
  try {
    return await start(names, values.keep);
  } finally {
    await turn.release();
  }
}

async function start(names: readonly string[], keep: boolean): Promise<number> {
  const isFirst = !hasKubernetes();
  const stood = await stillRunning();
  const sandbox = stood ?? (await startCluster());
  try {
    await joinHosts(sandbox, await missingHosts(sandbox, names), stood !== undefined);
    await showPod(sandbox, 'idc-1');
  } catch (error) {
    // Then takeBack is at work, in a process of its own.
    if (error instanceof Interrupted) throw error;
    if (stood === undefined && !keep)
      await progress.step('taking down what could not be finished (--keep leaves it)', () => sandbox.stop());
    else {
      if (!keep) for (const name of adding) await remove(sandbox, name);
      await sandbox.keep();
    }
    throw error;
  }
  await sandbox.keep();
  await summarize(sandbox);
  if (stood === undefined) await rememberDuration({ isFirst, hosts: names.length });
  return 0;
}

function remove(sandbox: Sandbox, name: string): Promise<void> {
  return progress.step(`removing ${name}, which did not join (--keep leaves it)`, () =>
    removeHost(sandbox, name),
  );
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
    if (host !== undefined && (await isReadySoon(sandbox, name))) continue;
    missing.push(name);
    if (host === undefined) continue;
    progress.line(`${name} is there but not Ready: making it anew`);
    await removeHost(sandbox, name);
  }
  return missing;
}

/** A host may be on its way: it reboots, or its line was cut a moment ago. */
async function isReadySoon(sandbox: Sandbox, name: string): Promise<boolean> {
  if ((await readyStatus(sandbox, name)) === 'True') return true;
  const waiting = waitForReady(sandbox, name, 'True', comingBackMs);
  return progress.step(`waiting for ${name} to be Ready again`, () =>
    waiting.then(
      () => true,
      () => false,
    ),
  );
}

/** Each that does not join is left in `adding`; the others join all the same. */
async function joinHosts(sandbox: Sandbox, names: readonly string[], clusterStood: boolean): Promise<void> {
  if (names.length === 0) return;
  if (clusterStood) for (const name of names) adding.add(name);
  const hosts: SandboxHost[] = [];
  for (const name of names) hosts.push(await sandbox.addHost({ name, identity: 'tencentos-3.1' }));
  const command = await createJoinCommand(sandbox, ['--uses', String(names.length)]);
  say(`\nThe join command of "regnodectl token create", as it is pasted on ${names.join(', ')}:\n`);
  say(`${command}\n`);
  const outcomes = await Promise.allSettled(hosts.map((host) => joinHost(sandbox, host, command)));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

async function joinHost(sandbox: Sandbox, host: SandboxHost, command: string): Promise<void> {
  const said: string[] = [];
  const hear = (line: string) => {
    said.push(line);
    if (isTelling(line) && !isInterrupted) progress.line(`  ${host.name} | ${line}`);
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
  await sandbox.startKubeProxy(host);
  adding.delete(host.name);
  progress.line(`${host.name} is Ready`);
}

/** Of all that a join says the phases, what it warns of, and the steps that took long. */
function isTelling(line: string): boolean {
  return /^\[|^This host|^\S+: |^ {5}\S/.test(line);
}

async function showPod(sandbox: Sandbox, node: string): Promise<void> {
  const pod = 'hello';
  await progress.step(`running a pod on ${node}`, () => runPod(sandbox, pod, node));
  for (const args of [
    ['get', 'nodes'],
    ['get', 'pod', pod],
    ['logs', pod, '--tail=3'],
    ['exec', pod, '--', 'sh', '-c', 'echo "in a pod on $NODE_NAME, through the tunnel"'],
  ]) {
    say(`\n$ kubectl ${args.map((word) => (word.includes(' ') ? `'${word}'` : word)).join(' ')}`);
    say((await kubectl(sandbox, args)).trimEnd());
  }
  say('\n$ regnodectl node list');
  say((await regnodectl(sandbox, ['node', 'list'])).trimEnd());
}

async function summarize(sandbox: Sandbox): Promise<void> {
  const { cloud, hosts } = sandbox;
  const first = hosts[0]?.name ?? 'idc-1';
  say(`
Running now, until "scripts/quickstart --down":
  cloud   API server ${cloud.apiServerUrl}, gateway ${cloud.gatewayUrl}
          namespace ${cloud.namespace}, logs ${cloud.files.logs}
  hosts   systemd containers, each with a network of its own:
          ${hosts.map((host) => `${host.name} ${host.address}`).join(', ')}
  line    nothing can connect from the cloud to a host: kubectl logs and exec
          above came through the tunnel

Look around (each begins with scripts/quickstart):
  kubectl get pods -A -o wide
  kubectl exec -it hello -- sh
  regnodectl node get ${first}
  metrics node_memory       live, from the host's own collectors
  shell ${first}               then: regnode status; journalctl -u regnode`);
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
