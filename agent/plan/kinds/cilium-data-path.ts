// What Cilium's agent attaches to the host beside links and chains (pod-network.ts): programs on the host's
// devices and on the control groups, maps pinned in the BPF file system, routing rules. None of it is made
// by a step of ours, so what is there is noted once before Cilium can run, and a leave takes away what is
// new and carries Cilium's name.
import { z } from 'zod';
import type { Host } from '../../host/host.ts';
import { ciliumFilters, clsactDevices, ruleChanges, ruleLines } from '../cilium-traces.ts';
import { saidBy } from '../command.ts';
import { defineKind, right, wrong } from '../kind.ts';

const bpfFolder = '/sys/fs/bpf';
/** Names that Cilium gives below it, in all its releases. */
const pins = ['cilium', 'tc/globals', 'tc', 'xdp'];
const directions = ['ingress', 'egress'] as const;

const entrySchema = z.strictObject({
  clsact: z.array(z.string()),
  rules: z.array(z.string()),
  /** Of `pins`, those that were there. */
  pins: z.array(z.string()),
  cgroupRoot: z.string(),
});

export const ciliumDataPathKind = defineKind<'cilium-data-path', undefined, z.infer<typeof entrySchema>>({
  kind: 'cilium-data-path',
  identify: () => 'cilium-data-path',
  title: () => 'note programs on devices, routing rules and pinned maps',
  observe: async () => undefined,
  compare: (_, __, journaled) => (journaled ? right : wrong('not noted yet')),

  entrySchema,
  record: async ({ host }, { cgroupRoot }) => ({
    clsact: clsactDevices(await saidBy(host, 'tc', ['qdisc', 'show'])),
    rules: ruleLines(await saidBy(host, 'ip', ['rule', 'show'])),
    pins: await pinned(host),
    cgroupRoot,
  }),
  apply: async () => undefined,

  async undo({ host }, [before]) {
    const hadRun = (await pinned(host)).some((pin) => !before.pins.includes(pin));
    const kept = [
      ...(await detachFromDevices(host, before.clsact)),
      ...(hadRun ? await detachFromCgroups(host, before.cgroupRoot) : []),
      ...(await restoreRules(host, before.rules)),
      ...(await unpin(host, before.pins)),
    ];
    return kept.length === 0
      ? { outcome: 'restored' }
      : { outcome: 'kept', detail: `of Cilium's data path: ${kept.join(', ')}` };
  },
});

async function pinned(host: Host): Promise<string[]> {
  const found: string[] = [];
  for (const pin of pins) if (await host.files.exists(`${bpfFolder}/${pin}`)) found.push(pin);
  return found;
}

/**
 * A discipline that Cilium made goes with all its filters; in one that was there only Cilium's filters go.
 */
async function detachFromDevices(host: Host, before: readonly string[]): Promise<string[]> {
  const kept: string[] = [];
  for (const device of clsactDevices(await saidBy(host, 'tc', ['qdisc', 'show']))) {
    const filters = [];
    for (const direction of directions)
      filters.push(
        ...ciliumFilters(await saidBy(host, 'tc', ['filter', 'show', 'dev', device, direction]), direction),
      );
    if (filters.length === 0) continue;
    const commands = before.includes(device)
      ? filters.map(({ direction, preference }) => [
          'filter',
          'delete',
          'dev',
          device,
          direction,
          'preference',
          preference,
        ])
      : [['qdisc', 'delete', 'dev', device, 'clsact']];
    for (const args of commands) {
      const result = await host.processes.run('tc', args);
      if (result.exitCode !== 0) kept.push(`programs on ${device} (${result.stderr.trim()})`);
    }
  }
  return kept;
}

/**
 * From kernel 5.7 on they hang on pinned links and go with them. Before, only bpftool can take them off;
 * without it they are listed: they translate the addresses of services, and go with the next boot.
 */
async function detachFromCgroups(host: Host, root: string): Promise<string[]> {
  const shown = await host.processes.run('bpftool', ['--json', 'cgroup', 'show', root]);
  if (shown.exitCode !== 0) {
    const hasLinks = await host.files.exists(`${bpfFolder}/cilium/socketlb/links`);
    return hasLinks ? [] : ['programs on control groups (until the next boot; bpftool could take them off)'];
  }
  const kept: string[] = [];
  for (const { id, attach_type: type, name } of attached(shown.stdout)) {
    if (!/^(cil_|sock)/.test(name)) continue;
    const result = await host.processes.run('bpftool', ['cgroup', 'detach', root, type, 'id', String(id)]);
    if (result.exitCode !== 0) kept.push(`the program ${name} on ${root}`);
  }
  return kept;
}

const attachedSchema = z.array(z.object({ id: z.number(), attach_type: z.string(), name: z.string() }));

function attached(json: string) {
  try {
    return attachedSchema.safeParse(JSON.parse(json || '[]')).data ?? [];
  } catch {
    return [];
  }
}

async function restoreRules(host: Host, before: readonly string[]): Promise<string[]> {
  const now = ruleLines(await saidBy(host, 'ip', ['rule', 'show']));
  // No host is without rules: then nobody told.
  if (before.length === 0 || now.length === 0) return [];
  const kept: string[] = [];
  for (const args of ruleChanges(now, before)) {
    const result = await host.processes.run('ip', ['rule', ...args]);
    if (result.exitCode !== 0) kept.push(`the routing rule ${args.join(' ')}`);
  }
  return kept;
}

async function unpin(host: Host, before: readonly string[]): Promise<string[]> {
  const kept: string[] = [];
  for (const pin of pins) {
    const path = `${bpfFolder}/${pin}`;
    if (before.includes(pin) || !(await host.files.exists(path))) continue;
    kept.push(...(await host.files.removeTree(path)));
  }
  return kept;
}
