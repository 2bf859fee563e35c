// Whatever refuses a join, the host is as it was, file by file; and whatever stops a leave, nothing is lost.
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { paths } from '../../../../agent/config/paths.ts';
import type { Host } from '../../../../agent/host/host.ts';
import { type JoinOptions, joinNode } from '../../../../agent/node/join.ts';
import { leaveNode } from '../../../../agent/node/leave.ts';
import { readState, writeState } from '../../../../agent/state/state.ts';
import { Fault } from '../../../../protocol/catalogue/fault.ts';
import { archives, startGateway } from '../../../worlds/desired.ts';
import type { LoopbackGateway } from '../../../worlds/gateway.ts';
import { IdcHost } from '../../../worlds/idc-host.ts';
import { snapshot } from '../../../worlds/snapshot.ts';

let gateway: LoopbackGateway;
let world: IdcHost;
let before: unknown;
const state = () => ({ files: snapshot(world.root, ['/proc', '/sys']), world: world.state() });
beforeEach(async () => {
  gateway = await startGateway();
  world = new IdcHost(archives);
  before = state();
});
afterEach(async () => {
  world.remove();
  await gateway.stop();
});

function join(
  more: Partial<JoinOptions['settings']> = {},
  host: Host = world.host,
  rest: Partial<JoinOptions> = {},
) {
  const settings = {
    gatewayUrl: gateway.url,
    caPem: gateway.caPem,
    nodeName: 'idc-1',
    token: 'rt-x.y',
    artifactKeySha256: gateway.artifactKey.id,
    ...more,
  };
  return joinNode(host, {
    settings,
    preflight: async () => undefined,
    listener: { phase() {}, plan() {}, step() {}, waiting() {} },
    readyTimeoutMs: 1000,
    signal: new AbortController().signal,
    ...rest,
  });
}

test.each([
  ['GATEWAY_UNAVAILABLE', { detail: 'it restarts' }],
  ['GATEWAY_NOT_PERMITTED', { right: 'create secrets in kube-system' }],
] as const)(
  'a join whose end is not known (%s) keeps its key, and the next one goes on with it',
  async (code, values) => {
    const key = () => world.host.files.readText(paths.key);
    gateway.refusal = { status: 503, code, values };
    await expect(join()).rejects.toMatchObject({ code });
    const asked = await key();
    expect(asked).toContain('PRIVATE KEY');
    await expect(join()).rejects.toMatchObject({ code });
    expect(await key()).toBe(asked);
    // A refusal is an answer: then nothing stays.
    gateway.refusal = { status: 403, code: 'TOKEN_USED_UP' };
    await expect(join()).rejects.toMatchObject({ code: 'TOKEN_USED_UP' });
    expect(state()).toEqual(before);
  },
);

test('a token that is no good is refused before preflight, and before a key is made', async () => {
  gateway.refusal = { status: 410, code: 'TOKEN_EXPIRED' };
  const begun: string[] = [];
  const preflight = async () => void begun.push('preflight');
  await expect(join({}, world.host, { preflight })).rejects.toMatchObject({ code: 'TOKEN_EXPIRED' });
  expect(gateway.asked).toEqual(['POST /v1/join/token']);
  expect(begun).toEqual([]);
  expect(state()).toEqual(before);
});

test('preflight is told the pool and its version of Kubernetes, unless an older gateway does not say', async () => {
  const told: unknown[] = [];
  const preflight = async (pool: unknown) => {
    told.push(pool);
    throw new Fault('PREFLIGHT_FAILED');
  };
  const { pool, kubernetesVersion } = gateway.desired;
  await expect(join({}, world.host, { preflight })).rejects.toMatchObject({ code: 'PREFLIGHT_FAILED' });
  gateway.refusal = { status: 404, code: 'ROUTE_UNKNOWN' };
  await expect(join({}, world.host, { preflight })).rejects.toMatchObject({ code: 'PREFLIGHT_FAILED' });
  expect(told).toEqual([{ pool, kubernetesVersion }, undefined]);
});

test('a key of a join whose answer was lost outlives a try that preflight ends', async () => {
  gateway.refusal = { status: 503, code: 'GATEWAY_UNAVAILABLE', values: { detail: 'it restarts' } };
  await expect(join()).rejects.toMatchObject({ code: 'GATEWAY_UNAVAILABLE' });
  const key = await world.host.files.readText(paths.key);
  const preflight = () => Promise.reject(new Fault('PREFLIGHT_FAILED'));
  await expect(join({}, world.host, { preflight })).rejects.toMatchObject({ code: 'PREFLIGHT_FAILED' });
  expect(await world.host.files.readText(paths.key)).toBe(key);
});

const leave = (force = false) => leaveNode(world.host, { force, drain: true });

describe('a join that is refused leaves the host as it was', () => {
  test.each([
    [401, 'TOKEN_INVALID'],
    [410, 'TOKEN_EXPIRED'],
    [409, 'NODE_NAME_TAKEN'],
    [404, 'POOL_NOT_FOUND'],
    [500, 'FROM_THE_FUTURE'],
  ])('by the gateway with %i %s', async (status, code) => {
    gateway.refusal = { status, code };
    const expected = code === 'FROM_THE_FUTURE' ? 'PEER_ANSWER_UNKNOWN' : code;
    await expect(join()).rejects.toMatchObject({ code: expected });
    expect(state()).toEqual(before);
  });

  test('by preflight, when the gateway was asked for nothing but whether the token is good', async () => {
    const preflight = async () => {
      throw new Fault('PREFLIGHT_FAILED', { count: 1, codes: 'SWAP' });
    };
    await expect(join({}, world.host, { preflight })).rejects.toMatchObject({ code: 'PREFLIGHT_FAILED' });
    expect(gateway.asked).toEqual(['POST /v1/join/token']);
    expect(state()).toEqual(before);
  });

  test.each([
    ['an invalid name', { nodeName: 'IDC_1' }, 'NODE_NAME_INVALID'],
    ['no token', { token: undefined }, 'TOKEN_INVALID'],
    ['a gateway that is not there', { gatewayUrl: 'https://127.0.0.1:1' }, 'GATEWAY_UNREACHABLE'],
  ])('by %s', async (_, settings, code) => {
    await expect(join(settings)).rejects.toMatchObject({ code });
    expect(state()).toEqual(before);
  });

  test('by a gateway with another CA', async () => {
    const other = await startGateway();
    await expect(join({ caPem: other.caPem })).rejects.toMatchObject({ code: 'GATEWAY_NOT_TRUSTED' });
    await other.stop();
    expect(gateway.asked).toEqual([]);
    expect(state()).toEqual(before);
  });

  test('by an artifact that is not what its hash says; the registration is taken back too', async () => {
    const kubelet = gateway.desired.artifacts.find(({ component }) => component === 'kubelet');
    gateway.store.set(kubelet?.path ?? '', Buffer.from('kubeleT'));
    await expect(join()).rejects.toMatchObject({ code: 'ARTIFACT_HASH_WRONG' });
    expect(gateway.asked.at(-1)).toBe('POST /v1/node/deregister');
    expect(state()).toEqual(before);
  });

  test('by a disk that is full', async () => {
    const space = async () => ({ totalBytes: 1e9, freeBytes: 1000, totalInodes: 1e7, freeInodes: 10 });
    const full: Host = { ...world.host, files: { ...world.host.files, space } };
    await expect(join({}, full)).rejects.toMatchObject({ code: 'NO_SPACE' });
    expect(state()).toEqual(before);
  });

  test('by another command that is at work', async () => {
    const lock = async () => ({ holderPid: 77, holderCommand: 'regnode leave' });
    const busy: Host = { ...world.host, processes: { ...world.host.processes, lock } };
    await expect(join({}, busy)).rejects.toMatchObject({
      code: 'BUSY',
      values: { pid: 77, command: 'regnode leave' },
    });
  });
});

describe('a host that has joined', () => {
  test('is not moved to another gateway or name by a second join', async () => {
    await join();
    await expect(join({ nodeName: 'other' })).rejects.toMatchObject({ code: 'ALREADY_JOINED' });
    await expect(join({ gatewayUrl: 'https://127.0.0.1:1' })).rejects.toMatchObject({
      code: 'ALREADY_JOINED',
    });
  });

  test('says what is missing when it does not become Ready in time, and stays joined', async () => {
    gateway.status = { ...gateway.status, ready: 'False', readyMessage: 'cni config uninitialized' };
    await expect(join()).rejects.toMatchObject({
      code: 'NODE_NOT_READY',
      values: { detail: 'not Ready: cni config uninitialized' },
    });
    expect((await readState(world.host))?.phase).toBe('Joined');
  });

  test('does not join again while a leave is not finished', async () => {
    await join();
    const known = await readState(world.host);
    if (known !== undefined) await writeState(world.host, { ...known, phase: 'Leaving' });
    await expect(join()).rejects.toMatchObject({ code: 'LEAVING' });
    await leave();
    expect(state()).toEqual(before);
  });

  test('refuses a state file that was changed', async () => {
    await join();
    const path = world.at(paths.stateFile);
    const text = (await world.host.files.readText(paths.stateFile)) ?? '';
    writeFileSync(path, text.replace('"idc-1"', '"idc-2"'));
    await expect(join()).rejects.toMatchObject({ code: 'CONFIGURATION_INVALID' });
  });
});

describe('a leave', () => {
  test('without a gateway does nothing, and with --force all of it', async () => {
    await join();
    const joined = state();
    gateway.refusal = { status: 503, code: 'GATEWAY_UNREACHABLE' };
    await expect(leave()).rejects.toMatchObject({ code: 'GATEWAY_UNREACHABLE' });
    expect(state()).toEqual(joined);
    // What is left is at the gateway, and said.
    expect((await leave(true)).kept).toEqual([expect.stringContaining('regnodectl node remove idc-1')]);
    expect(state()).toEqual(before);
  });

  test('of a node that the gateway has forgotten is not stopped by that', async () => {
    await join();
    gateway.refusal = { status: 401, code: 'NODE_NOT_REGISTERED' };
    await leave();
    expect(state()).toEqual(before);
  });

  test('with a damaged journal is refused; with --force it does what it can and lists the damage', async () => {
    await join();
    const text = (await world.host.files.readText(paths.journal)) ?? '';
    const lines = text.split('\n');
    lines[3] = `${lines[3]}`.replace('"version":1', '"version":9');
    writeFileSync(world.at(paths.journal), lines.join('\n'));
    await expect(leave()).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' });
    expect((await leave(true)).kept).toEqual([expect.stringContaining('line 4 of the journal')]);
    expect(await world.host.files.exists(paths.state)).toBe(false);
  });

  test("keeps a user's own file in a folder that is shared, and says so", async () => {
    await join();
    world.put('/opt/cni/bin/own-plugin', 'x');
    world.put('/etc/containerd/certs.d/hosts.toml', 'x');
    const { kept } = await leave();
    expect(kept).toContain('/opt/cni/bin holds what is not ours: own-plugin');
    expect(await world.host.files.readText('/opt/cni/bin/own-plugin')).toBe('x');
    expect(await world.host.files.readText('/etc/containerd/certs.d/hosts.toml')).toBe('x');
  });
});
