// For a person at a terminal: a command in the cloud or in a host with this terminal as its own (a shell,
// kubectl exec -it, an editor). Returns its exit code.
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { SandboxCloud } from './cloud.ts';
import { enterHost, type SandboxHost } from './host.ts';

const checkout = resolve(import.meta.dirname, '../..');

export function kubectlHere(cloud: SandboxCloud, args: readonly string[]): Promise<number> {
  return inCloud(cloud, [join(cloud.kubernetes, 'kubectl'), ...args]);
}

export function regnodectlHere(cloud: SandboxCloud, args: readonly string[]): Promise<number> {
  return inCloud(cloud, [process.execPath, join(checkout, 'gateway/regnodectl.ts'), ...args]);
}

export function inCloud(cloud: SandboxCloud, command: readonly string[]): Promise<number> {
  const home = { HOME: cloud.files.folder, KUBECONFIG: cloud.adminKubeconfig };
  return attach(['nsenter', `--net=/run/netns/${cloud.namespace}`, '--', ...command], {
    ...process.env,
    ...home,
  });
}

export async function inHost(host: SandboxHost, command: readonly string[]): Promise<number> {
  const environment = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    LANG: 'C.UTF-8',
    TERM: process.env.TERM ?? 'dumb',
  };
  return attach([...enterHost(await host.initPid()), ...command], environment);
}

function attach(command: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const [program = '', ...args] = command;
  // Ctrl-C is for the command, not for us.
  const ignore = () => undefined;
  process.on('SIGINT', ignore);
  const child = spawn(program, args, { stdio: 'inherit', env: environment });
  return new Promise<number>((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => done(code ?? 1));
  }).finally(() => process.off('SIGINT', ignore));
}
