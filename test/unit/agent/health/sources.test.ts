// What raises an alarm, what is done about a service that is silent, and what the folder of
// the kubelet says about pods.
import { expect, test } from 'vitest';
import type { HealthSource } from '../../../../agent/health/condition.ts';
import { alarmSource } from '../../../../agent/health/sources/alarm.ts';
import { type Pods, podsSource } from '../../../../agent/health/sources/pods.ts';
import { servicesSource } from '../../../../agent/health/sources/services.ts';
import { podUids } from '../../../../agent/host/cri.ts';
import type { Host, NetworkInterface } from '../../../../agent/host/host.ts';
import { withDistribution } from '../../../fixtures/distribution.ts';

const ctr = '/opt/regnode/components/containerd/current/bin/ctr';
const { signal } = new AbortController();
const look = async (source: HealthSource) =>
  Object.fromEntries((await source.look(() => false, signal)).map(({ code, state }) => [code, state]));

test('an alarm: a card that goes down, a tunnel that is another, a clock that was set; nothing else is one', async () => {
  await withDistribution('tencentos-3.1', {}, async (plain) => {
    const card = (name: string, more: Partial<NetworkInterface> = {}): NetworkInterface => ({
      ...{ name, mtu: 1500, state: 'up', macAddress: '', addresses: ['10.77.0.11/24'] },
      ...more,
    });
    let cards = [card('eth0')];
    let tunnel = 'Open';
    let [nowMs, monotonicMs] = [1_000_000, 0];
    const clock = { ...plain.clock, nowMs: () => nowMs, monotonicMs: () => monotonicMs };
    const host: Host = { ...plain, clock, network: { ...plain.network, interfaces: async () => cards } };
    const alarms: string[] = [];
    const source = alarmSource(host, {
      tunnelState: () => tunnel,
      onAlarm: (reason) => alarms.push(reason),
    });
    const after = async (change: () => void) => {
      alarms.length = 0;
      change();
      nowMs += 3000;
      monotonicMs += 3000;
      await look(source);
      return alarms;
    };
    expect(await after(() => {})).toEqual([]);
    expect(await after(() => {})).toEqual([]);
    expect(await after(() => cards.push(card('lxc1', { addresses: ['fe80::1/64'] })))).toEqual([]);
    cards = [card('eth0', { state: 'lowerlayerdown' })];
    expect(await after(() => {})).toEqual(['a network card has changed']);
    expect(await after(() => {})).toEqual([]);
    expect(
      await after(() => {
        tunnel = 'Resuming';
      }),
    ).toEqual(['the tunnel is Resuming']);
    expect(
      await after(() => {
        nowMs += 99;
      }),
    ).toEqual([]);
    expect(
      await after(() => {
        nowMs -= 3_600_000;
      }),
    ).toEqual(['the clock was set']);
  });
});

test('a service that is silent twice is told to who can start it, then at doubling pauses, and anew after it was well', async () => {
  await withDistribution('tencentos-3.1', { files: { [ctr]: '' } }, async (plain) => {
    let monotonicMs = 0;
    let isKubeletGood = true;
    let isJoined = true;
    const told: number[] = [];
    const host: Host = { ...plain, clock: { ...plain.clock, monotonicMs: () => monotonicMs } };
    const source = servicesSource(host, {
      isJoined: () => isJoined,
      askKubelet: async () => isKubeletGood,
      askContainerd: async () => true,
      onSilent: () => told.push(monotonicMs),
    });
    const pass = async () => {
      monotonicMs += 3000;
      return look(source);
    };
    expect(await pass()).toEqual({ KUBELET_UNHEALTHY: 'good', CONTAINERD_UNHEALTHY: 'good' });
    isKubeletGood = false;
    expect(await pass()).toEqual({ KUBELET_UNHEALTHY: 'bad', CONTAINERD_UNHEALTHY: 'good' });
    expect(told).toEqual([]);
    await pass();
    expect(told).toEqual([9000]);
    for (let count = 0; count < 400; count++) await pass();
    // 20 minutes: after 10, 20, 40, 80, 160 s and then every five minutes.
    expect(told.length).toBeGreaterThan(6);
    expect(told.length).toBeLessThan(11);
    isKubeletGood = true;
    await pass();
    isKubeletGood = false;
    const before = told.length;
    await pass();
    await pass();
    expect(told).toHaveLength(before + 1);
    isJoined = false;
    expect(await pass()).toEqual({ KUBELET_UNHEALTHY: 'unknown', CONTAINERD_UNHEALTHY: 'unknown' });
  });
});

const uid = (number: number) => `0000000${number}-1111-2222-3333-444444444444`;

test.each([
  ['none of two runs after a boot', [1, 2], [], false, 'bad'],
  ['one of two runs', [1, 2], [1], false, 'good'],
  ['what has ended on a node that is Ready', [1], [], true, 'good'],
  ['a node without pods', [], [], false, 'good'],
] as const)('pods: %s', async (_what, folders, running, isReady, state) => {
  const files = Object.fromEntries(
    folders.map((number) => [`/var/lib/kubelet/pods/${uid(number)}/plugins`, '']),
  );
  await withDistribution('tencentos-3.1', { files }, async (host) => {
    let seen: Pods | undefined;
    const source = podsSource(host, {
      isReady: () => isReady,
      onSeen: (pods) => {
        seen = pods;
      },
      listRunning: async () => running.map(uid),
    });
    expect(await look(source)).toEqual({ NO_POD_RUNS: state });
    expect(seen).toEqual({ assigned: folders.length, running: running.length });
  });
});

test('pods of a runtime that does not answer are not known', async () => {
  await withDistribution('tencentos-3.1', {}, async (host) => {
    const listRunning = () => Promise.reject(new Error('the runtime did not answer in time'));
    const source = podsSource(host, { isReady: () => false, onSeen: () => {}, listRunning });
    expect(await look(source)).toEqual({ NO_POD_RUNS: 'unknown' });
  });
});

test('uids are found in what a runtime lists, also in long ones; what is cut off ends the reading', () => {
  const field = (number: number, value: Buffer) => {
    const length = value.length < 128 ? [value.length] : [(value.length & 0x7f) | 0x80, value.length >> 7];
    return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), value]);
  };
  const metadata = (of: string) =>
    Buffer.concat([field(1, Buffer.from('pod')), field(2, Buffer.from(of)), Buffer.from([32, 3])]);
  const item = (of: string) =>
    field(
      1,
      Buffer.concat([
        field(1, Buffer.from('f'.repeat(64))),
        field(2, metadata(of)),
        Buffer.from([32, 0x80, 0x80, 0x01]),
        field(5, Buffer.from('x'.repeat(300))),
      ]),
    );
  const both = Buffer.concat([item(uid(1)), item(uid(2))]);
  expect(podUids(both)).toEqual([uid(1), uid(2)]);
  expect(podUids(both.subarray(0, both.length - 1))).toEqual([uid(1)]);
  expect(podUids(Buffer.alloc(0))).toEqual([]);
  expect(podUids(Buffer.alloc(64, 0xff))).toEqual([]);
});
