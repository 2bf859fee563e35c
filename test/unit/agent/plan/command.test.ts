// A command that looks and says too much, or is not done in time, has not said that there is nothing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RunResult } from '../../../../agent/host/host.ts';
import { openBackups } from '../../../../agent/plan/backups.ts';
import { ciliumDataPathKind } from '../../../../agent/plan/kinds/cilium-data-path.ts';
import { podNetworkKind } from '../../../../agent/plan/kinds/pod-network.ts';
import { fixtureHost } from '../../../fixtures/host.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'regnode-looks-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const cut: Partial<RunResult> = {
  exitCode: null,
  outcome: 'signalled',
  truncated: true,
  stdout: '*filter\n',
};
const late: Partial<RunResult> = { exitCode: null, outcome: 'timed-out', stdout: '*filter\n' };

test.each([
  ['iptables-save', cut],
  ['iptables-save', late],
  ['tc qdisc show', cut],
  ['ip rule show', late],
] as const)('%s: neither what was there before is noted, nor anything taken away', async (line, result) => {
  const host = fixtureHost(root, { commands: { 'iptables-save': '', 'ip6tables-save': '', [line]: result } });
  const tools = { host, backups: openBackups(host) };
  const kind = line.startsWith('ipt') ? podNetworkKind : ciliumDataPathKind;
  const resource = { kind: 'pod-network', cgroupRoot: '/sys/fs/cgroup' } as never;
  const failed = { code: 'COMMAND_FAILED', values: { command: line } };
  await expect(kind.record(tools, resource, undefined)).rejects.toMatchObject(failed);
  const before = { links: [], namespaces: [], chains: {}, clsact: [], rules: [], pins: [], cgroupRoot: '' };
  await expect(kind.undo(tools, [before])).rejects.toMatchObject(failed);
});

test('one that is not there has nothing to show', async () => {
  const host = fixtureHost(root, { commands: {} });
  const tools = { host, backups: openBackups(host) };
  const resource = { kind: 'pod-network' } as never;
  expect(await podNetworkKind.record(tools, resource, undefined)).toMatchObject({ chains: { iptables: [] } });
});
