// The doctor's own reasoning, on a host in a folder: which broken check is the cause, what changed
// since it worked, what the journals tell; what it remembers, and that it changes nothing else. The
// real faults are in e2e/doctor.
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from '../../../../agent/cli/program.ts';
import { paths } from '../../../../agent/config/paths.ts';
import { changesSince } from '../../../../agent/doctor/changes.ts';
import { diagnose } from '../../../../agent/doctor/diagnose.ts';
import { newsIn } from '../../../../agent/doctor/events.ts';
import { doctorChecks, type HopName, hopNames, hops } from '../../../../agent/doctor/hops.ts';
import { readRecord, updatedRecord, writeRecord } from '../../../../agent/doctor/record.ts';
import { renderDoctor } from '../../../../agent/doctor/report.ts';
import { doctorJsonSchema, doctorReportSchema } from '../../../../agent/doctor/report-schema.ts';
import type { Values } from '../../../../agent/doctor/values.ts';
import { hopTitles, words } from '../../../../agent/doctor/words.ts';
import { type Check, fail, ok } from '../../../../agent/preflight/check.ts';
import { pluginsOf } from '../../../../agent/preflight/observation/pod-network.ts';
import { archives, startGateway } from '../../../worlds/desired.ts';
import type { LoopbackGateway } from '../../../worlds/gateway.ts';
import { IdcHost } from '../../../worlds/idc-host.ts';
import { joinThrough } from '../../../worlds/join.ts';
import { snapshot } from '../../../worlds/snapshot.ts';

let gateway: LoopbackGateway;
let world: IdcHost;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.stop());
beforeEach(async () => {
  world = new IdcHost(archives);
  await joinThrough(gateway, world.host);
});
afterEach(() => world.remove());

/** The real checks by name and dependence, all well but for those that are named. */
function checks(...broken: readonly string[]): Check[] {
  return doctorChecks.map((check) => ({
    ...check,
    run: async () => (broken.includes(check.code) ? fail('broken', 'x', '', { detail: 'x' }) : ok('fine')),
  }));
}

async function causeOf(...broken: readonly string[]) {
  const { report } = await diagnose(world.host, 'en', undefined, checks(...broken));
  return report.cause?.code;
}

describe('the cause', () => {
  test('is absent when all is well', async () => {
    const { report } = await diagnose(world.host, 'en', undefined, checks());
    expect(report.verdict).toBe('well');
    expect(report.hops.map(({ verdict }) => verdict)).toEqual(hopNames.map(() => 'ok'));
    expect(renderDoctor(report, { color: false })).toContain('All is well.');
  });

  test('is the first broken hop on the way', async () => {
    expect(await causeOf('POD_IMAGES', 'API_SERVER_CONNECTION', 'LINE_MTU')).toBe('LINE_MTU');
    expect(await causeOf('POD_IMAGES', 'API_SERVER_CONNECTION')).toBe('API_SERVER_CONNECTION');
  });

  test('is not what only follows from something behind it', async () => {
    expect(await causeOf('CONTAINERD_ANSWER', 'KUBELET_HEALTH', 'NODE_READY')).toBe('CONTAINERD_ANSWER');
    expect(await causeOf('CNI_CONFIGURATION', 'NODE_READY', 'POD_STATES')).toBe('CNI_CONFIGURATION');
  });

  test('leaves what hangs on it unknown, and says because of what', async () => {
    const { report } = await diagnose(world.host, 'en', undefined, checks('GATEWAY_CONNECTION'));
    expect(report.hops.find(({ hop }) => hop === 'host')?.verdict).toBe('skip');
    const text = renderDoctor(report, { color: false });
    expect(text).toContain('because GATEWAY_CONNECTION failed');
    expect(text).toContain('$ regnode doctor --json');
    expect(text).not.toContain('regnode preflight --only');
  });
});

test('every check belongs to one hop, and waits only for checks that the doctor makes or that say nothing here', () => {
  expect(new Set(doctorChecks).size).toBe(doctorChecks.length);
  expect(Object.keys(hops)).toEqual([...hopNames]);
});

test('a host that is no node is told so, and the doctor runs as root only', async () => {
  const fresh = new IdcHost(archives);
  try {
    await expect(diagnose(fresh.host, 'en')).rejects.toMatchObject({ code: 'NOT_JOINED' });
  } finally {
    fresh.remove();
  }
});

test('on a host where nothing answers the doctor ends, names a cause, exits 5, and changes nothing', async () => {
  const before = snapshot(world.root, ['/proc', '/sys']);
  const out: string[] = [];
  const context = {
    host: world.host,
    environment: {},
    token: undefined,
    stdout: { write: (text: string) => out.push(text) },
    stderr: { write: () => true },
    signal: new AbortController().signal,
  };
  expect(await runProgram(context, ['doctor', '--json', '--no-record'])).toBe(5);
  const report = doctorReportSchema.parse(JSON.parse(out.join('')));
  expect(report.verdict).toBe('unwell');
  expect(snapshot(world.root, ['/proc', '/sys'])).toEqual(before);
});

describe('what it remembers', () => {
  const none = Object.fromEntries(hopNames.map((hop) => [hop, {}])) as Record<HopName, Values>;

  test('is what was different when a hop worked, of that hop and those before it', async () => {
    const then = { ...none, line: { mtu: '1500' }, gateway: { url: 'a' }, cni: { plugins: 'x' } };
    const record = updatedRecord({ node: 'idc-1', hops: {} }, hopNames, then, 1000);
    const now = { ...none, line: { mtu: '1200' }, gateway: { url: 'a' }, cni: { plugins: 'y' } };
    expect(changesSince(record, now, 'gateway')).toEqual([
      { hop: 'line', what: 'mtu', was: '1500', is: '1200' },
    ]);
    expect(changesSince(record, now, 'cni').map(({ what }) => what)).toEqual(['mtu', 'plugins']);
    expect(changesSince({ node: 'idc-1', hops: {} }, now, 'cni')).toEqual([]);
  });

  test('survives, and is replaced only for hops that work', async () => {
    const { remember } = await diagnose(world.host, 'en', undefined, checks());
    await remember();
    const first = await readRecord(world.host, 'idc-1');
    expect(Object.keys(first.hops)).toEqual([...hopNames]);
    const { report, remember: again } = await diagnose(world.host, 'en', undefined, checks('KUBELET_PORT'));
    await again();
    const second = await readRecord(world.host, 'idc-1');
    expect(second.hops.kubelet).toEqual(first.hops.kubelet);
    expect(report.hops.find(({ hop }) => hop === 'kubelet')?.workedAt).toBeDefined();
  });

  test('is nothing when it is damaged or of another node, and holds no secret', async () => {
    const { remember } = await diagnose(world.host, 'en', undefined, checks());
    await remember();
    const text = readFileSync(world.root + paths.doctorRecord, 'utf8');
    expect(text).not.toMatch(/PRIVATE|token/i);
    expect((await readRecord(world.host, 'other')).hops).toEqual({});
    writeFileSync(world.root + paths.doctorRecord, text.replace('idc-1', 'idc-2'));
    expect((await readRecord(world.host, 'idc-2')).hops).toEqual({});
    writeFileSync(world.root + paths.doctorRecord, text.slice(0, 100));
    expect((await readRecord(world.host, 'idc-1')).hops).toEqual({});
    await writeRecord(world.host, { node: 'idc-1', hops: {} });
    expect((await readRecord(world.host, 'idc-1')).hops).toEqual({});
  });
});

describe('the journals', () => {
  const line = (fields: object) =>
    JSON.stringify({ __REALTIME_TIMESTAMP: '1700000000000000', _SYSTEMD_UNIT: 'kubelet.service', ...fields });

  test('tell what systemd did and what was complained of, each once, without secrets', () => {
    const lines = [
      line({ _PID: '1', UNIT: 'kubelet.service', MESSAGE: 'Stopped kubelet (regnode).' }),
      line({ _PID: '1', UNIT: 'kubelet.service', MESSAGE: 'kubelet.service: Consumed 1s CPU time.' }),
      line({ _PID: '300', MESSAGE: 'I1124 11:00:00 1 server.go:1] all is fine' }),
      line({ _PID: '300', MESSAGE: 'E1124 11:00:01 1 pod.go:1] "failed" err="x1"' }),
      line({ _PID: '300', MESSAGE: 'E1124 11:00:02 1 pod.go:1] "failed" err="x2"' }),
      line({ _PID: '9', MESSAGE: 'time="now" level=error msg="with Bearer abcdefghijkl"' }),
      line({ _PID: '9', MESSAGE: '{"level":50,"code":"BUSY","msg":"at work"}' }),
      line({ _PID: '9', MESSAGE: [1, 2, 3] }),
      'not JSON',
      '',
    ].join('\n');
    expect(newsIn(lines).map(({ unit, text }) => [unit, text])).toEqual([
      ['kubelet', 'Stopped kubelet (regnode).'],
      ['kubelet', 'kubelet.service: Consumed 1s CPU time.'],
      ['kubelet', 'E1124 11:00:02 1 pod.go:1] "failed" err="x2"'],
      ['kubelet', 'time="now" level=error msg="with Bearer [removed: authorization]"'],
      ['kubelet', 'BUSY: at work'],
    ]);
  });
});

test('plugins of a network are read from a list, from a single file, and from nothing else', () => {
  expect(pluginsOf('{"plugins":[{"type":"bridge"},{"type":"portmap"}]}')).toEqual(['bridge', 'portmap']);
  expect(pluginsOf('{"type":"cilium-cni"}')).toEqual(['cilium-cni']);
  for (const text of ['', '{}', '{"plugins":[]}', '{"type":"../../bin/sh"}', 'nonsense']) {
    expect(pluginsOf(text)).toBeUndefined();
  }
});

test('the schema in the repository is the one of the code', () => {
  const file = new URL('../../../../agent/doctor/report.schema.json', import.meta.url);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(doctorJsonSchema())));
});

test('its words are complete in both languages', () => {
  for (const { en, zh } of [...Object.values(words), ...Object.values(hopTitles)]) {
    expect(en).not.toBe('');
    expect(zh).not.toBe('');
    expect(zh.match(/\{\w+\}/g) ?? []).toEqual(en.match(/\{\w+\}/g) ?? []);
  }
});
