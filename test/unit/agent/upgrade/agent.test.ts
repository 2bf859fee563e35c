// The agent's own upgrade around the guard: what is begun, what is remembered, what is left alone.
import { existsSync, mkdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { upgradeTimer } from '../../../../agent/components/agent/guard.ts';
import { readTrial } from '../../../../agent/components/agent/trial.ts';
import { gatewaySource } from '../../../../agent/components/artifacts/gateway.ts';
import { paths } from '../../../../agent/config/paths.ts';
import { createGatewayApi, type GatewayApi } from '../../../../agent/identity/gateway-api.ts';
import { leaveNode } from '../../../../agent/node/leave.ts';
import { planNode } from '../../../../agent/node/reconcile.ts';
import { type NodeState, readState } from '../../../../agent/state/state.ts';
import { advanceAgent } from '../../../../agent/upgrade/agent/advance.ts';
import { confirmAgent } from '../../../../agent/upgrade/agent/confirm.ts';
import { agentVersion } from '../../../../agent/version.ts';
import type { Artifact } from '../../../../protocol/messages/desired.ts';
import { archives, startGateway } from '../../../worlds/desired.ts';
import type { LoopbackGateway } from '../../../worlds/gateway.ts';
import { IdcHost } from '../../../worlds/idc-host.ts';
import { joinThrough } from '../../../worlds/join.ts';

const old = `${agentVersion}-0123456789ab`;
const known = new Map([
  ...archives,
  ['agent two', { 'bin/regnode': 'two', 'systemd/regnode.service': 'two' }],
]);
let gateway: LoopbackGateway;
let api: GatewayApi;
let world: IdcHost;
let agent: Artifact;
let state: NodeState;

beforeAll(async () => {
  gateway = await startGateway();
  const before = gateway.desired.artifacts;
  agent = gateway.add('agent', '2.0.0', 'agent two');
  gateway.offer([...before, agent], { serial: 2 });
  gateway.desired = { ...gateway.desired, artifacts: before };
  api = createGatewayApi({ url: gateway.url, caPem: gateway.caPem, environment: {} });
});
afterAll(async () => {
  api.close();
  await gateway.stop();
});
beforeEach(async () => {
  world = new IdcHost(known);
  await joinThrough(gateway, world.host);
  const joined = (await readState(world.host)) as NodeState;
  state = { ...joined, desired: { ...joined.desired, artifacts: [...joined.desired.artifacts, agent] } };
});
afterEach(() => world.remove());

function installed(): void {
  world.put(`${paths.agentReleases}/${old}/systemd/regnode.service`, 'one');
  symlinkSync(`releases/${old}`, world.at(paths.agentCurrent));
  world.put(paths.agentUnit, 'one');
}

const advance = () => advanceAgent(world.host, state, { source: gatewaySource(api) });
const current = () => readlinkSync(world.at(paths.agentCurrent));

test('a host whose agent belongs to a package is told so, and left alone', async () => {
  const { held, isHandingOver } = await advance();
  expect(held).toMatchObject({ code: 'AGENT_PACKAGED', from: agentVersion });
  expect(isHandingOver).toBe(false);
  expect(existsSync(world.at(paths.upgrade))).toBe(false);
});

test('the version that runs is no upgrade', async () => {
  installed();
  const artifacts = [...state.desired.artifacts.slice(0, -1), { ...agent, version: agentVersion }];
  state = { ...state, desired: { ...state.desired, artifacts } };
  expect(await advance()).toMatchObject({ held: undefined, isHandingOver: false });
});

test('a new one is unpacked, guarded, put into use; and everything of it goes with the trial', async () => {
  installed();
  expect((await advance()).isHandingOver).toBe(true);
  expect(current()).toBe(`releases/2.0.0-${agent.sha256.slice(0, 12)}`);
  expect(readFileSync(world.at(paths.agentUnit), 'utf8')).toBe('two');
  expect(await readTrial(world.host)).toMatchObject({ from: old, artifact: { version: '2.0.0' } });
  expect(world.units.has(upgradeTimer)).toBe(true);
  const dropIn = `${paths.units}/regnode.service.d/50-regnode-upgrade.conf`;
  expect(readFileSync(world.at(dropIn), 'utf8')).toContain(`ExecStartPre=-/bin/sh ${paths.guard} start`);
  await world.host.files.removeFile(paths.upgradeTrial);
  const { plan } = await planNode(world.host, state);
  expect(plan.steps.filter(({ action }) => action === 'withdraw').map(({ key }) => key)).toContain(
    `file:${dropIn}`,
  );
  await leaveNode(world.host, { force: true, drain: false });
  expect(existsSync(world.at(dropIn))).toBe(false);
});

test('what the guard wrote is remembered, and the same is not tried again until somebody says so', async () => {
  installed();
  await advance();
  await world.host.files.makeLink(paths.agentCurrent, `releases/${old}`);
  world.put(paths.upgradeFailed, 'to=x\nwhy=it ended 3 times before it was well: broken\n');
  const back = await advance();
  expect(back).toMatchObject({ isHandingOver: false, held: { code: 'AGENT_CRASHED' } });
  expect(back.held?.detail).toContain('it ended 3 times before it was well: broken');
  expect((await readState(world.host))?.agentFailures).toHaveLength(1);
  state = back.state;
  expect((await advance()).isHandingOver).toBe(false);
  expect(await readTrial(world.host)).toBeUndefined();
  state = {
    ...state,
    desired: { ...state.desired, upgrade: { ...state.desired.upgrade, attempt: 'again' } },
  };
  expect((await advance()).isHandingOver).toBe(true);
});

test('an agent that is not on trial confirms nothing', async () => {
  installed();
  await advance();
  let isConfirmed = false;
  await confirmAgent(world.host, {
    gateway: api,
    isConnected: () => true,
    onConfirmed: () => {
      isConfirmed = true;
    },
    logger: pino({ level: 'silent' }),
    signal: new AbortController().signal,
  });
  expect(isConfirmed).toBe(false);
  expect(await readTrial(world.host)).toBeDefined();
});

test('one that is on trial is confirmed when the gateway sees its tunnel, and other releases go', async () => {
  const to = `${agentVersion}-abcdefabcdef`;
  for (const release of [old, to, '0.0.1-000000000000']) {
    mkdirSync(world.at(`${paths.agentReleases}/${release}`), { recursive: true });
  }
  symlinkSync(`releases/${to}`, world.at(paths.agentCurrent));
  const json = {
    artifact: { ...agent, version: agentVersion },
    fromVersion: '0',
    attempt: '',
    waitSeconds: 9,
    since: '',
  };
  world.put(paths.upgradeTrial, `from=${old}\nto=${to}\njson=${JSON.stringify(json)}\n`);
  let looks = 0;
  gateway.status = { ...gateway.status, tunnelConnected: false };
  await confirmAgent(
    {
      ...world.host,
      clock: {
        ...world.host.clock,
        sleep: async () => {
          looks += 1;
          gateway.status = { ...gateway.status, tunnelConnected: true };
        },
      },
    },
    {
      gateway: api,
      isConnected: () => true,
      onConfirmed: () => undefined,
      logger: pino({ level: 'silent' }),
      signal: new AbortController().signal,
    },
  );
  expect(looks).toBe(1);
  expect(await readTrial(world.host)).toBeUndefined();
  expect(await world.host.files.list(paths.agentReleases)).toEqual(expect.arrayContaining([old, to]));
  expect(existsSync(world.at(`${paths.agentReleases}/0.0.1-000000000000`))).toBe(false);
});
