// An identity that is doubled, or lost. A copied disk has the key, the name and the machine-id of the first
// host: with the same hardware the one that has the tunnel keeps it and both are told, with other hardware
// the copy gets nothing also while the first is off, and its leave takes nothing from the first. A host whose
// state folder was deleted says so and is given back from a copy, or from what its files carry.
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { copyTree } from '../../scripts/sandbox/copy.ts';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { startJoinedSandbox } from '../../scripts/sandbox/ready.ts';
import {
  createJoinCommand,
  kubectl,
  pasteJoinCommand,
  readyStatus,
  regnodectl,
  resource,
  waitForReady,
} from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';
import { difference, observe } from './observation.ts';

interface Registered {
  readonly status: {
    readonly conditions: readonly { type: string; status: string; reason: string; message: string }[];
    readonly facts?: { readonly hardware?: object };
    readonly tunnel?: { readonly connected: boolean; readonly host?: { readonly bootId?: string } };
  };
}

const patient = { timeoutMs: 60_000, intervalMs: 500 };

let sandbox: Sandbox;
let host: SandboxHost;
let copy: SandboxHost;
let fresh: SandboxHost;

beforeAll(async () => {
  ({ sandbox, host } = await startJoinedSandbox({ name: 'e2e-lost-identity' }));
  copy = await sandbox.addHost({ name: 'idc-copy' });
  await Promise.all([host.powerOff(), copy.powerOff()]);
  await copyDisk();
  await host.powerOn();
  await connectedFrom(host);
});
afterAll(() => sandbox?.stop());

test('a copied disk: the first host stays connected, and everybody is told of both and of what to do', async () => {
  const before = await takeovers();
  await copy.powerOn();
  const [here, there] = [await boot(host), await boot(copy)];
  const refused = await told(copy, 'IDENTITY_IN_USE');
  expect(refused).toContain(`${host.address}, boot ${here}`);
  expect(refused).toContain('systemd-machine-id-setup');
  const shared = await told(host, 'IDENTITY_SHARED');
  expect(shared).toContain(`boot ${there}`);
  expect(shared).toContain(copy.address);

  const unique = await waitFor(
    'the condition',
    async () => {
      const found = (await registered()).status.conditions.find(({ type }) => type === 'IdentityUnique');
      return found?.status === 'False' && found;
    },
    patient,
  );
  expect(unique.reason).toBe('IdentityShared');
  for (const one of [host.address, copy.address, here, there]) expect(unique.message).toContain(one);
  const events = await kubectl(sandbox, ['get', 'events', '-A', '-o', 'jsonpath={.items[*].reason}']);
  expect(events.split(' ')).toContain('IdentityShared');

  for (const one of [host, copy]) {
    const doctor = await one.run('regnode', ['doctor'], { timeoutMs: 120_000 });
    expect(doctor.exitCode, doctor.stdout).not.toBe(0);
    expect(doctor.stdout).toContain('NODE_IDENTITY');
    for (const boot of [here, there]) expect(doctor.stdout, one.name).toContain(boot);
  }
  // It was asked for again and again meanwhile, and stayed where it was.
  await waitFor('the copy to have asked four times', async () => (await figure('second-host')) >= 4, {
    timeoutMs: 120_000,
    intervalMs: 1000,
  });
  expect(await takeovers()).toBe(before);
  expect(await connectedFrom(host)).toBe(true);
});

test('a copy with other hardware gets nothing while the first is off, by its key or by its machine-id', async () => {
  await copy.powerOff();
  await giveHardware(host, 'first');
  await waitFor(
    'the registration to have the hardware',
    async () => JSON.stringify((await registered()).status.facts?.hardware ?? {}).includes('board-first'),
    patient,
  );
  await host.powerOff();
  await waitFor('the gateway to miss the first', async () => !(await registered()).status.tunnel?.connected, {
    timeoutMs: 60_000,
  });
  await copy.powerOn();
  await giveHardware(copy, 'second');
  expect(await told(copy, 'HARDWARE_DIFFERS')).toContain('regnodectl node readmit idc-1');
  const condition = async () =>
    (await registered()).status.conditions.find(({ type }) => type === 'IdentityUnique');
  await waitFor(
    'the condition',
    async () => (await condition())?.message.includes('HARDWARE_DIFFERS'),
    patient,
  );

  const left = await copy.run('regnode', ['leave', '--yes', '--json'], { timeoutMs: 180_000 });
  expect(left, left.stdout + left.stderr).toMatchObject({ exitCode: 0 });
  const { kept } = JSON.parse(left.stdout) as { kept: string[] };
  expect(kept).toEqual([expect.stringContaining('The node idc-1 stays in the cluster')]);
  expect((await registered()).status.conditions).not.toEqual([]);

  const joined = await pasteJoinCommand(copy, `${await createJoinCommand(sandbox)} --name idc-1`);
  expect(joined.exitCode, joined.stdout + joined.stderr).not.toBe(0);
  expect(joined.stderr).toContain('HARDWARE_DIFFERS');
  expect(joined.stderr).toContain('systemd-machine-id-setup');
  await copy.powerOff();
  await host.powerOn();
  await connectedFrom(host);
  await waitForReady(sandbox, 'idc-1');
});

test('the state folder is deleted: told, given back by --recover, joined again, and left as it was', async () => {
  // On a host that nobody has joined: of one from a template the state folder can't be renamed (overlayfs).
  fresh = await sandbox.addHost({ name: 'idc-2' });
  await join();
  await leave();
  const before = await observe(fresh); // with the program, which a leave leaves
  await join();
  await shell('rm -rf /var/lib/regnode', fresh);
  for (const args of [
    ['leave', '--json'],
    ['doctor', '--json'],
    ['plan', '--json'],
  ]) {
    const lost = await fresh.run('regnode', args, { timeoutMs: 60_000 });
    const { error } = JSON.parse(lost.stdout) as { error: { code: string; values: object } };
    expect(error, args.join(' ')).toMatchObject({ code: 'STATE_LOST', values: { node: 'idc-2' } });
  }
  const again = await pasteJoinCommand(fresh, await createJoinCommand(sandbox));
  expect(again.exitCode).not.toBe(0);
  expect(again.stderr).toContain('STATE_LOST');
  expect(again.stderr).toContain('regnode leave --recover');
  expect(await leave(['--recover'])).toEqual([expect.stringContaining('regnodectl node remove idc-2')]);
  await regnodectl(sandbox, ['node', 'remove', 'idc-2', '--force']);
  expect(difference(before, await observe(fresh))).toEqual([]);
  await join();
  expect(await leave()).toEqual([]);
  expect(difference(before, await observe(fresh))).toEqual([]);
  expect(await readyStatus(sandbox, 'idc-2')).toBe('Absent');
});

test.each([
  ['and its copy', ['/var/lib/.regnode.recovery'], []],
  // What pods left in the kernel, and what its parameters were, only a copy knows: told, until the next boot.
  [
    'and every copy of it',
    ['/var/lib/.regnode.recovery', '/opt/regnode/components/.recovery'],
    ['links', 'routes', 'rules', 'sysctls', 'netns'],
  ],
] as const)(
  'the state folder %s are deleted: a join refuses, and --recover gives the host back',
  async (_, copies, told) => {
    const before = await observe(fresh);
    await join();
    await shell(`rm -rf /var/lib/regnode ${copies.join(' ')}`, fresh);
    const again = await pasteJoinCommand(fresh, await createJoinCommand(sandbox));
    expect(again.exitCode).not.toBe(0);
    expect(again.stderr).toContain('STATE_LOST');
    const kept = await leave(['--recover']);
    expect(kept.at(-1)).toContain('regnodectl node remove idc-2');
    expect(kept.join('\n').includes('until the next boot')).toBe(told.length > 0);
    await regnodectl(sandbox, ['node', 'remove', 'idc-2', '--force']);
    const isOther = (line: string) =>
      !told.some((part) => line.startsWith(part) || line.includes(`/run/${part}`));
    expect(difference(before, await observe(fresh)).filter(isOther)).toEqual([]);
  },
);

/** What makes a host this one, but for its address and the network of its pods, which are its place's. */
async function copyDisk(): Promise<void> {
  const own = ['etc/hosts', 'etc/hostname', 'etc/cni/net.d/10-sandbox.conflist'];
  const kept = await Promise.all(own.map((file) => readFile(copy.path(file))));
  for (const folder of ['etc', 'opt', 'usr/local', 'var/lib'])
    await copyTree(host.path(folder), copy.path(folder));
  for (const disk of ['containerd', 'kubelet'] as const)
    await copyTree(host.folders[disk], copy.folders[disk]);
  await Promise.all(own.map((file, index) => writeFile(copy.path(file), kept[index] ?? '')));
}

/** The machine's own /sys, with a board and a disk of the host's own; until it is switched off. */
async function giveHardware(to: SandboxHost, name: string): Promise<void> {
  await shell(
    `mkdir -p /run/hardware /run/cards && mount --bind /sys/class/net /run/cards
    cp -a /sys/class/. /run/hardware/ 2>/dev/null || true
    rm -rf /run/hardware/block /run/hardware/dmi
    mkdir -p /run/hardware/dmi/id /run/hardware/block/sda/device
    echo board-${name} > /run/hardware/dmi/id/board_serial
    echo disk-${name} > /run/hardware/block/sda/serial
    mount --bind /run/hardware /sys/class && mount --bind /run/cards /sys/class/net
    systemctl restart regnode`,
    to,
  );
}

async function registered(): Promise<Registered> {
  return (await resource(sandbox, 'registerednode', 'idc-1')) as Registered;
}

/** By its boot, which the gateway has heard. */
function connectedFrom(from: SandboxHost): Promise<true> {
  return waitFor(
    `the tunnel of ${from.name}`,
    async () => {
      const { tunnel } = (await registered()).status;
      const id = tunnel?.host?.bootId?.slice(0, 8);
      return tunnel?.connected === true && id === (await boot(from));
    },
    {
      timeoutMs: 120_000,
      intervalMs: 500,
      detail: () => from.logs('regnode').then((log) => log.slice(-3000)),
    },
  );
}

async function boot(of: SandboxHost): Promise<string> {
  return (await shell('cat /proc/sys/kernel/random/boot_id', of)).slice(0, 8);
}

/** What `regnode status` prints, once it speaks of this. */
function told(of: SandboxHost, code: string): Promise<string> {
  return waitFor(
    `${of.name} to be told of ${code}`,
    async () => {
      const { stdout, exitCode } = await of.run('regnode', ['status']);
      return stdout.includes(code) && exitCode === 5 && stdout;
    },
    { timeoutMs: 120_000, intervalMs: 500, detail: async () => (await of.run('regnode', ['status'])).stdout },
  );
}

async function metrics(): Promise<string> {
  return (await sandbox.cloud.run('curl', ['-s', `${sandbox.cloud.statusUrl}/metrics`])).stdout;
}

async function takeovers(): Promise<number> {
  return Number(/^regnode_gateway_tunnel_takeovers_total (\d+)$/m.exec(await metrics())?.[1]);
}

async function figure(kind: string): Promise<number> {
  const line = new RegExp(`^regnode_gateway_tunnel_handshakes_failed_total\\{kind="${kind}"\\} (\\d+)$`, 'm');
  return Number(line.exec(await metrics())?.[1] ?? 0);
}

async function join(): Promise<void> {
  const joined = await pasteJoinCommand(fresh, await createJoinCommand(sandbox));
  expect(joined, joined.stdout + joined.stderr).toMatchObject({ exitCode: 0 });
  await waitForReady(sandbox, 'idc-2');
}

async function leave(more: readonly string[] = []): Promise<string[]> {
  const left = await fresh.run('regnode', ['leave', '--yes', '--json', ...more], { timeoutMs: 180_000 });
  expect(left, left.stdout + left.stderr).toMatchObject({ exitCode: 0 });
  return (JSON.parse(left.stdout) as { kept: string[] }).kept;
}

async function shell(script: string, on: SandboxHost): Promise<string> {
  const result = await on.run('sh', ['-ec', script]);
  if (result.exitCode !== 0) throw new Error(`${script}: ${result.stderr}`);
  return result.stdout;
}
