// Drop-ins beside our units: which there are, what they change, and that they are told and never taken away.
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nextDrift } from '../../../../agent/drift/notes.ts';
import { changedSettings, foreignDropIns, standingDropIns } from '../../../../agent/plan/drop-ins.ts';
import { planToJson, renderPlan } from '../../../../agent/plan/render.ts';
import { fixtureHost } from '../../../fixtures/host.ts';

const kubeadm = `# Note: This dropin only works with kubeadm and kubelet v1.11+
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS
`;

test.each([
  [kubeadm, ['Environment', 'EnvironmentFile', 'ExecStart']],
  ['[Service]\nLimitNOFILE=65536\nCPUQuota=200%\nRestartSec=5\n', []],
  ['[Unit]\nEnvironment=a=b\n\n[Service]\n  User = nobody \n', ['User']],
  ['[Service]\n# ExecStart=/bin/true\n;User=x\nEnvironment=\\\nUser=x\n', ['Environment']],
  ['ExecStart=/bin/true\n', []],
  ['', []],
])('what %j changes', (text, changes) => {
  expect(changedSettings(text)).toEqual(changes);
});

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'regnode-drop-ins-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(path: string, content: string | { readonly linkTo: string }): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  if (typeof content === 'string') writeFileSync(join(root, path), content);
  else symlinkSync(content.linkTo, join(root, path));
}

const packaged = '/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf';
const proxy = '/etc/systemd/system/containerd.service.d/http-proxy.conf';

test('those of a package, of an operator and of the running system are found; others and limits are not', async () => {
  put(packaged, kubeadm);
  put(proxy, '[Service]\nEnvironment=HTTPS_PROXY=http://10.0.0.9:3128\n');
  put('/run/systemd/system/kubelet.service.d/50-user.conf', '[Service]\nUser=kubelet\n');
  put('/etc/systemd/system/kubelet.service.d/50-limits.conf', '[Service]\nLimitNOFILE=65536\n');
  put('/etc/systemd/system/kubelet.service.d/README', '[Service]\nUser=x\n');
  put('/etc/systemd/system/regnode.service.d/50-regnode-upgrade.conf', '[Service]\nExecStartPre=/x\n');
  put('/etc/systemd/system/kubelet.service.d/folder.conf/x', '');
  put('/etc/systemd/system/kubelet.service.d/gone.conf', { linkTo: '/nowhere' });
  expect(standingDropIns(await foreignDropIns(fixtureHost(root)))).toEqual([
    {
      key: `drop-in:${packaged}`,
      reason: 'changes Environment, EnvironmentFile, ExecStart of kubelet.service',
    },
    {
      key: 'drop-in:/run/systemd/system/kubelet.service.d/50-user.conf',
      reason: 'changes User of kubelet.service',
    },
    { key: `drop-in:${proxy}`, reason: 'changes Environment of containerd.service' },
  ]);
});

test.each([
  ['turned off', { linkTo: '/dev/null' }],
  ['covered by an empty one', ''],
])('one that is %s counts for nothing', async (_how, content) => {
  put(packaged, kubeadm);
  put('/etc/systemd/system/kubelet.service.d/10-kubeadm.conf', content);
  expect(await foreignDropIns(fixtureHost(root))).toEqual([]);
});

test('told under either policy with the time at which it was first seen, shown in a plan, and left', async () => {
  put(packaged, kubeadm);
  const found = standingDropIns(await foreignDropIns(fixtureHost(root)));
  const first = nextDrift([], [], 'repair', '2026-01-01T00:00:00Z', found);
  expect(first).toMatchObject([{ key: `drop-in:${packaged}`, repaired: false, at: '2026-01-01T00:00:00Z' }]);
  expect(nextDrift(first, [], 'report', '2026-01-02T00:00:00Z', found)).toEqual(first);
  expect(nextDrift(first, [], 'repair', '2026-01-02T00:00:00Z', [])).toEqual([]);
  const marks = { drift: [], policy: 'repair', onlyTold: found } as const;
  const plan = { steps: [], skipped: [] };
  expect(renderPlan(plan, false, marks)).toBe(
    `! drop-in:${packaged}  (changes Environment, EnvironmentFile, ExecStart of kubelet.service)  [drift: only told]\n`,
  );
  expect(planToJson(plan, marks)).toMatchObject({ steps: [], onlyTold: found });
  expect(existsSync(join(root, packaged))).toBe(true);
});
