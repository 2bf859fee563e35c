// Kernel settings that are the whole machine's, whichever container writes them. They are recorded before the
// first sandbox starts and put back when the last one is gone, so that a kubelet in a sandbox host leaves the
// machine as it was.
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runRoot } from './registry.ts';

/** What kubelet, kube-proxy, Cilium and regnode set, outside of network namespaces. */
const recorded = [
  'fs.file-max',
  'fs.inotify.max_user_instances',
  'fs.inotify.max_user_watches',
  'fs.may_detach_mounts',
  'kernel.keys.root_maxbytes',
  'kernel.keys.root_maxkeys',
  'kernel.panic',
  'kernel.panic_on_oops',
  'kernel.pid_max',
  'kernel.unprivileged_bpf_disabled',
  'net.core.bpf_jit_enable',
  'net.netfilter.nf_conntrack_max',
  'vm.max_map_count',
  'vm.overcommit_memory',
  'vm.panic_on_oom',
  'vm.swappiness',
];

/**
 * Each host runs an init, a containerd and a kubelet: the default of 128 is for a machine with one of each.
 */
const atLeast: Readonly<Record<string, number>> = {
  'fs.inotify.max_user_instances': 2048,
  'fs.inotify.max_user_watches': 524_288,
};

/**
 * What kubelets insist on (protectKernelDefaults). All sandboxes of the machine share these, so a host that
 * leaves must not put them back under the kubelets of the others.
 */
const always: Readonly<Record<string, string>> = {
  'vm.overcommit_memory': '1',
  'vm.panic_on_oom': '0',
  'kernel.panic': '10',
  'kernel.panic_on_oops': '1',
  'kernel.keys.root_maxkeys': '1000000',
  'kernel.keys.root_maxbytes': '25000000',
};

/** What the kernel lets nobody set back before the next boot, once something (Cilium) has turned it on. */
const stuckUntilReboot: ReadonlySet<string> = new Set(['kernel.unprivileged_bpf_disabled']);

const recordFile = join(runRoot, 'sysctls.json');

/** Call with the registry lock held. */
export async function prepareSysctls(): Promise<void> {
  if (!existsSync(recordFile)) {
    const values: Record<string, string> = {};
    for (const name of recorded) {
      const value = await read(name);
      if (value !== undefined) values[name] = value;
    }
    await writeFile(recordFile, JSON.stringify(values, undefined, 2));
  }
  for (const [name, value] of Object.entries(always)) {
    const now = await read(name);
    if (now !== undefined && now !== value) await writeFile(pathOf(name), value);
  }
  for (const [name, minimum] of Object.entries(atLeast)) {
    const value = await read(name);
    if (value !== undefined && Number(value) < minimum) await writeFile(pathOf(name), String(minimum));
  }
}

/**
 * Call with the registry lock held, when no sandbox is left. Tells what the kernel did not let be put back.
 */
export async function restoreSysctls(): Promise<string[]> {
  if (!existsSync(recordFile)) return [];
  const values = JSON.parse(await readFile(recordFile, 'utf8')) as Record<string, string>;
  const stuck = await putBack(values, { read, write: (name, value) => writeFile(pathOf(name), value) });
  await rm(recordFile);
  return stuck;
}

export interface SysctlAccess {
  read(name: string): Promise<string | undefined>;
  write(name: string, value: string): Promise<void>;
}

export async function putBack(
  values: Readonly<Record<string, string>>,
  access: SysctlAccess,
): Promise<string[]> {
  const stuck: string[] = [];
  for (const [name, value] of Object.entries(values)) {
    const now = await access.read(name);
    if (now === value) continue;
    try {
      await access.write(name, value);
    } catch (error) {
      const isRefused = (error as NodeJS.ErrnoException).code === 'EPERM';
      if (!isRefused || !stuckUntilReboot.has(name)) throw error;
      stuck.push(
        `${name} stays ${now ?? 'unknown'} until the next boot (it was ${value}): the kernel says so`,
      );
    }
  }
  return stuck;
}

async function read(name: string): Promise<string | undefined> {
  const path = pathOf(name);
  return existsSync(path) ? (await readFile(path, 'utf8')).trim() : undefined;
}

function pathOf(name: string): string {
  return join('/proc/sys', name.replaceAll('.', '/'));
}
