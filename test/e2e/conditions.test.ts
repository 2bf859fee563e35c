// How soon a fault of a real host is told, and how soon it is not told any more, one row a fault: by the
// finding in the agent's status, which is what becomes a condition of the node. The times are printed; what
// is asked for here is generous, since machines that run tests are slow, and what was measured stands in
// docs/measurements. In between, a Node deleted with kubectl comes back.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { runPod } from '../../scripts/sandbox/pod.ts';
import { startJoinedSandbox } from '../../scripts/sandbox/ready.ts';
import { kubectl, resource } from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';

interface Status {
  readonly healthy: boolean;
  readonly health?: readonly { readonly code: string; readonly condition: string }[];
  readonly services?: { readonly kubeletHealthy: boolean; readonly containerdHealthy: boolean };
  readonly pods?: { readonly assigned: number; readonly running: number };
  readonly cluster?: { readonly ready: string };
}

/** Four times what is meant to be true on a quiet machine. */
const limitMs = 60_000;

let sandbox: Sandbox;
let host: SandboxHost;
const measured: { fault: string; code: string; showSeconds: number; clearSeconds: number }[] = [];

beforeAll(async () => {
  ({ sandbox, host } = await startJoinedSandbox({ name: 'e2e-conditions' }));
  await runPod(sandbox, 'worker', 'idc-1');
  await waitFor('the agent to find nothing', async () => (await status()).healthy, {
    timeoutMs: 120_000,
    detail: async () => JSON.stringify(await status()),
  });
});
afterAll(async () => {
  for (const { fault, code, showSeconds, clearSeconds } of measured) {
    process.stderr.write(
      `${fault.padEnd(42)} ${code.padEnd(22)} ${shown(showSeconds)} ${shown(clearSeconds)}\n`,
    );
  }
  await sandbox?.stop();
});

const shown = (value: number) => (Number.isNaN(value) ? '-' : `${value.toFixed(1)} s`).padStart(8);

async function shell(script: string): Promise<string> {
  const done = await host.run('bash', ['-e', '-s'], { input: script });
  expect(done, `${script}\n${done.stderr}`).toMatchObject({ exitCode: 0 });
  return done.stdout;
}

/** As `regnode status --json` has it; the file, since each look at it costs nothing. */
async function status(): Promise<Status> {
  const shown = await host.run('cat', ['/run/regnode/status.json']);
  if (shown.stdout === '') return { healthy: false };
  const { health = [], cluster, tunnel, phase, ...rest } = JSON.parse(shown.stdout);
  const healthy =
    tunnel.state === 'Open' && phase === 'Running' && cluster?.ready === 'True' && health.length === 0;
  return { ...rest, health, cluster, healthy };
}

async function seconds(what: string, isSo: () => Promise<boolean>): Promise<number> {
  const startedMs = performance.now();
  const detail = async () => JSON.stringify(await status());
  await waitFor(what, isSo, { timeoutMs: limitMs, intervalMs: 300, detail });
  return (performance.now() - startedMs) / 1000;
}

const isTold = async (code: string) => (await status()).health?.some((one) => one.code === code) ?? false;

interface Case {
  readonly fault: string;
  readonly code: string;
  readonly make: () => Promise<unknown>;
  readonly repair: () => Promise<unknown>;
  /** Where timers decide and not the machine: what is meant to be 15 s. */
  readonly toldWithinSeconds?: number;
}

test.each<Case>([
  {
    fault: 'the cable is cut',
    code: 'LINK_STATE',
    make: () => host.cutLink(),
    repair: () => host.restoreLink(),
  },
  {
    fault: 'the cable is cut, as the line sees it',
    code: 'LINE_UNREACHABLE',
    make: () => host.cutLink(),
    repair: () => host.restoreLink(),
  },
  {
    fault: 'the gateway’s port is dropped on the way',
    code: 'TUNNEL_DOWN',
    // By design 5.3 s of quiet, 3 s without an answer, 2 s for another connection and 2 s until the next
    // look; up to 5 s more when the gateway asks in between; and what a busy machine adds to four timers.
    toldWithinSeconds: 19,
    make: () => shell('iptables -I OUTPUT -p tcp --dport 443 -j DROP'),
    repair: () => shell('iptables -D OUTPUT -p tcp --dport 443 -j DROP'),
  },
  {
    fault: '/var/log is full',
    code: 'SYSTEM_DISK_FULL',
    make: () => shell('mount -t tmpfs -o size=8m none /var/log'),
    repair: () => shell('umount -l /var/log'),
  },
  {
    fault: 'containerd is frozen',
    code: 'CONTAINERD_UNHEALTHY',
    make: () => host.freeze('containerd'),
    repair: () => host.thaw('containerd'),
  },
  {
    fault: 'the kubelet is frozen',
    code: 'KUBELET_UNHEALTHY',
    make: () => host.freeze('kubelet'),
    repair: () => host.thaw('kubelet'),
  },
])(
  '$fault: $code is told soon, and is over soon',
  async ({ fault, code, make, repair, toldWithinSeconds }) => {
    let showSeconds = Number.NaN;
    await make();
    try {
      showSeconds = await seconds(`${code} to be told`, () => isTold(code));
    } finally {
      await repair();
    }
    const clearSeconds = await seconds(`${code} to be over`, async () => !(await isTold(code)));
    measured.push({ fault, code, showSeconds, clearSeconds });
    if (toldWithinSeconds !== undefined) expect(showSeconds).toBeLessThan(toldWithinSeconds);
    await waitFor('the host to be well again', async () => (await status()).healthy, {
      timeoutMs: 180_000,
      detail: async () => JSON.stringify(await status()),
    });
  },
);

test.each(['containerd', 'kubelet'] as const)(
  '%s that was stopped is started again by the agent',
  async (unit) => {
    await shell(`systemctl stop ${unit}`);
    const isActive = async () => (await host.run('systemctl', ['is-active', '--quiet', unit])).exitCode === 0;
    const back = await seconds(`${unit} to be back`, isActive);
    measured.push({
      fault: `${unit} is stopped`,
      code: 'started again',
      showSeconds: Number.NaN,
      clearSeconds: back,
    });
    await waitFor('the host to be well again', async () => (await status()).healthy, {
      timeoutMs: 180_000,
      detail: async () => JSON.stringify(await status()),
    });
  },
);

test('status names the cluster and the pods', async () => {
  const shown = await host.run('regnode', ['status']);
  expect(shown.stdout).toMatch(/\[ok\] +cluster +Ready/);
  expect(shown.stdout).toMatch(/\[ok\] +pods +[1-9]\d* run/);
  expect(shown.exitCode).toBe(0);
});

test('a Node deleted with kubectl: status says so at once, the kubelet registers again by itself, and pods run there', async () => {
  const uid = () =>
    kubectl(sandbox, ['get', 'node', 'idc-1', '-o', 'jsonpath={.metadata.uid}', '--ignore-not-found']);
  const before = await uid();
  await kubectl(sandbox, ['delete', 'node', 'idc-1', '--wait=false']);
  const told = await seconds('status to say that the cluster has no such Node', async () => {
    const shown = await host.run('regnode', ['status']);
    return shown.exitCode === 5 && /\[fail\] cluster +the cluster has no Node/.test(shown.stdout);
  });
  await waitFor(
    'the agent to have the kubelet register again',
    async () => !['', before].includes(await uid()),
    {
      timeoutMs: 240_000,
      detail: () => host.logs('regnode').then((log) => log.slice(-3000)),
    },
  );
  await waitFor('the host to be well again', async () => (await status()).healthy, {
    timeoutMs: 180_000,
    detail: async () => JSON.stringify(await status()),
  });
  measured.push({
    fault: 'the Node is deleted',
    code: 'status',
    showSeconds: told,
    clearSeconds: Number.NaN,
  });
  await runPod(sandbox, 'after', 'idc-1');
  const registered = (await resource(sandbox, 'registerednode', 'idc-1')) as { status: { nodeUid: string } };
  expect(registered.status.nodeUid).toBe(await uid());
});

test('after a boot with the line cut, that no pod runs is told, and is over when the line is back', async () => {
  await host.powerOff();
  await host.cutLink();
  await host.powerOn();
  await waitFor('the agent to say that no pod runs', () => isTold('NO_POD_RUNS').catch(() => false), {
    timeoutMs: 240_000,
    detail: async () => JSON.stringify(await status().catch(String)),
  });
  const shown = await host.run('regnode', ['status']);
  expect(shown.stdout).toMatch(/\[fail\] pods +0 run, [1-9]\d* known/);
  expect(shown.exitCode).toBe(5);
  await host.restoreLink();
  await waitFor('the host to be well again', async () => (await status()).healthy, {
    timeoutMs: 240_000,
    detail: async () => JSON.stringify(await status().catch(String)),
  });
  // A Ready node is no proof: the kubelet starts its pods after that.
  await waitFor('its pods to run', async () => ((await status()).pods?.running ?? 0) > 0, {
    timeoutMs: 120_000,
    detail: async () => JSON.stringify(await status().catch(String)),
  });
});
