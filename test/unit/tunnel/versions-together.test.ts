// Agents and gateways of different releases together, over the real tunnel: one end speaks packed telemetry
// and the other doesn't, or speaks a later form; a gateway is replaced under a running agent by a newer or an
// older one. The gateway without packing refuses a packed frame as a violation, as its release did. Every
// record arrives once, and the heart is heard.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { TelemetryIntake } from '../../../gateway/telemetry/intake.ts';
import type { Heartbeat } from '../../../protocol/telemetry/heartbeat.ts';
import { encodeHeartbeat } from '../../../protocol/telemetry/heartbeat.ts';
import { BatchUnpacker } from '../../../protocol/telemetry/unpacking.ts';
import { FrameType } from '../../../protocol/tunnel/frame.ts';
import { encodeFrame, RawAgent } from '../../property/tunnel/raw-peer.ts';
import { Life } from '../agent/telemetry/spool/life.ts';
import { MemoryDisk } from '../agent/telemetry/spool/memory-disk.ts';
import { Loopback, startGateway, until } from './loopback.ts';

vi.setConfig({ testTimeout: 120_000 });
const patienceMs = 60_000;
const [before, now, later] = [{ packing: 0 }, { packing: 1 }, { packing: 2 }];
let loopback: Loopback | undefined;
afterEach(async () => {
  vi.restoreAllMocks();
  await loopback?.close();
});

interface Pair {
  readonly agent: { readonly packing: number };
  readonly gateway: { readonly packing: number };
}

/** One intake behind whatever gateway there is, as replicas have it: it remembers what it has seen. */
async function begin({ agent, gateway }: Pair) {
  const world = await Loopback.start({ ...gateway, resumeWindowMs: 2000 });
  loopback = world;
  const intake = new TelemetryIntake({ poolOf: () => 'default' });
  const listen = () => {
    const { hub } = world.gateway;
    hub.onHeartbeat((node, payload) => intake.heartbeat(node, payload));
    hub.onTelemetry((node, payload) => {
      const answer = intake.accept(node, payload);
      if (answer !== undefined) hub.acknowledgeTelemetry(node, answer);
    });
  };
  listen();
  const tunnel = await world.agent('idc-1', { limits: { ...agent, resumeWindowMs: 2000 } });
  const life = new Life({
    epoch: 1000,
    disk: new MemoryDisk(),
    channel: tunnel.telemetry,
    capacityBytes: 1 << 18,
    capBytes: 1 << 24,
  });
  let produced = 1;
  tunnel.onStateChange((state) => {
    if (state === 'Open') life.shipper.resend();
  });
  return {
    intake,
    tunnel,
    /** A round after the other: each batch is acknowledged before the next begins. */
    async rounds(count: number) {
      for (let round = 0; round < count; round += 1) {
        life.produce(50);
        produced += 50;
        await life.delivered();
      }
    },
    /** Another release of the gateway at the same address; what is produced meanwhile waits. */
    async replaceGateway(limits: { readonly packing: number }) {
      const { port } = world.gateway;
      await world.gateway.close();
      life.produce(50);
      produced += 50;
      const next = await startGateway(world.authority, { ...limits, resumeWindowMs: 2000 }, port);
      world.defer(() => next.close());
      world.gateway = next;
      listen();
      await until(() => tunnel.state === 'Open', patienceMs);
    },
    /** The last word of the heart is heard, and each record was taken once. */
    async settle() {
      const sentAtMs = Date.now();
      tunnel.telemetry.setHeartbeat(encodeHeartbeat({ ...heartbeat, sentAtMs }));
      await until(() => intake.latest('idc-1')?.heartbeat?.sentAtMs === sentAtMs, patienceMs);
      await life.delivered();
      const { acknowledged, lost } = life.shipper.account();
      await life.stop();
      expect({ acknowledged, lost }).toEqual({ acknowledged: produced, lost: 0 });
      expect(intake.self).toMatchObject({ records: produced, unexplained: 0 });
      expect([...intake.self.refusals].filter(([, count]) => count > 0)).toEqual([]);
    },
  };
}

describe.each([
  ['an agent of before, a gateway of now', before, now],
  ['an agent of now, a gateway of before', now, before],
  ['both of now', now, now],
  ['both of before', before, before],
  ['an agent of now, a gateway of a later form', now, later],
  ['an agent of a later form, a gateway of now', later, now],
])('%s', (_name, agent, gateway) => {
  test('nothing is lost, and packed is what both understand', async () => {
    const unpacked = vi.spyOn(BatchUnpacker.prototype, 'unpack');
    const { rounds, settle, tunnel } = await begin({ agent, gateway });
    await rounds(20);
    await settle();
    expect(tunnel.status).toMatchObject({ violations: 0, attempts: 1 });
    expect(unpacked.mock.calls.length > 0).toBe(agent === now && gateway === now);
  });
});

describe('a gateway is replaced under a running agent', () => {
  test.each([
    ['before → now → before', [now, before]],
    ['now → before → now', [before, now]],
  ])('%s', async (_name, releases) => {
    const [, last] = releases;
    const { rounds, replaceGateway, settle } = await begin({ agent: now, gateway: last ?? now });
    await rounds(5);
    for (const release of releases) {
      await replaceGateway(release);
      await rounds(5);
    }
    await settle();
  });
});

describe('a later release says more', () => {
  test('keys in HELLO that nobody here knows', () => {
    const peer = new RawAgent();
    const hello = { version: 1, instance: 'b'.repeat(32), epoch: 1, session: '', received: 0 };
    peer.say(encodeFrame(FrameType.hello, 0, 0, Buffer.from(JSON.stringify({ ...hello, colours: ['x'] }))));
    peer.settle();
    expect(peer.session.state).toBe('Open');
    expect(peer.violations).toEqual([]);
  });

  test('a CONTROL message of an unknown kind is told and left out, the ones around it are heard', () => {
    const heard: string[] = [];
    const unknown: string[] = [];
    const peer = new RawAgent({}, { onUnknownControl: (kind) => unknown.push(kind) }).hello();
    peer.session.onControl(({ kind }) => heard.push(kind));
    const say = (message: unknown) =>
      peer.say(encodeFrame(FrameType.control, 0, 0, Buffer.from(JSON.stringify(message))));
    const report = { kind: 'report', phase: 'Running', revision: '1', versions: {}, detail: '' };
    say(report);
    say({ kind: 'teleport', to: 'elsewhere' });
    say({ ...report, mood: 'good' });
    peer.settle();
    expect({ heard, unknown }).toEqual({ heard: ['report', 'report'], unknown: ['teleport'] });
    expect(peer.violations).toEqual([]);
  });

  test.each([
    ['a kind that is known, said wrongly', { kind: 'report', phase: 'Dancing' }],
    ['no kind', { phase: 'Running' }],
    ['a kind without end', { kind: 'x'.repeat(65) }],
    ['an empty kind', { kind: '' }],
    ['no object', ['report']],
  ])('%s stays a violation', (_name, message) => {
    const peer = new RawAgent().hello();
    peer.say(encodeFrame(FrameType.control, 0, 0, Buffer.from(JSON.stringify(message))));
    expect(peer.kinds).toEqual(['payload']);
  });

  test('a frame that was not agreed on ends the connection: its sender had no leave to send it', () => {
    const peer = new RawAgent(before).hello();
    expect(peer.framesOf(FrameType.hello)[0]?.payload.toString()).not.toContain('packing');
    peer.say(encodeFrame(FrameType.packedTelemetry, 0, 0, Buffer.from([1, 2, 3])));
    expect(peer.kinds).toEqual(['frame-type']);
  });
});

const heartbeat: Heartbeat = {
  sentAtMs: 0,
  uptimeSeconds: 100,
  load1: 0.5,
  cpuUsedRatio: 0.1,
  memoryTotalBytes: 2 ** 34,
  memoryAvailableBytes: 2 ** 33,
  diskFreeBytes: 2 ** 40,
  kubeletHealthy: true,
  containerdHealthy: true,
  ring: { produced: 10, acknowledged: 7, pending: 2, lost: 1 },
};
