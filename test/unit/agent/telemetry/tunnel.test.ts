// Telemetry through the real tunnel (TLS, websocket, frames, hub), whose connections are cut while records
// flow: every one arrives once.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { telemetrySettings } from '../../../../agent/telemetry/settings.ts';
import { startTelemetry } from '../../../../agent/telemetry/telemetry.ts';
import { TelemetryIntake } from '../../../../gateway/telemetry/intake.ts';
import { Loopback, until } from '../../tunnel/loopback.ts';
import { Life, patience } from './spool/life.ts';
import { MemoryDisk } from './spool/memory-disk.ts';

vi.setConfig({ testTimeout: 60_000 });
let loopback: Loopback;
let intake: TelemetryIntake;

beforeEach(async () => {
  loopback = await Loopback.start({ resumeWindowMs: 2000 });
  intake = new TelemetryIntake({ poolOf: () => 'default' });
  const { hub } = loopback.gateway;
  hub.onHeartbeat((node, payload) => intake.heartbeat(node, payload));
  hub.onTelemetry((node, payload) => {
    const answer = intake.accept(node, payload);
    if (answer !== undefined) hub.acknowledgeTelemetry(node, answer);
  });
});
afterEach(() => loopback.close());

test('connections cut again and again: nothing is lost, nothing counts twice', async () => {
  const tunnel = await loopback.agent();
  const life = new Life({
    epoch: 1000,
    disk: new MemoryDisk(),
    channel: tunnel.telemetry,
    capacityBytes: 1 << 16,
    capBytes: 1 << 24,
  });
  tunnel.onStateChange((state) => {
    if (state === 'Open') life.shipper.resend();
  });
  for (let round = 0; round < 150; round += 1) {
    life.produce(100);
    if (round % 30 === 29) loopback.gateway.sockets.at(-1)?.destroy();
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await life.delivered();
  const { produced, acknowledged, lost } = life.shipper.account();
  expect({ produced, acknowledged, lost }).toEqual({ produced: 15_001, acknowledged: 15_001, lost: 0 });
  expect(intake.self).toMatchObject({ records: 15_001, unexplained: 0 });
  expect([...intake.self.refusals.values()].every((count) => count === 0)).toBe(true);
  await life.stop();
});

test('the whole of it: a host is seen by its gateway, its heart beats, its account is exact', async () => {
  const tunnel = await loopback.agent();
  const abort = new AbortController();
  const telemetry = startTelemetry({
    channel: tunnel.telemetry,
    intervals: { heartbeatIntervalMs: 1000, metricsIntervalMs: 1000 },
    heartbeatProbe: async () => ({ kubeletHealthy: true, containerdHealthy: true }),
    spool: { disk: new MemoryDisk() },
    settings: telemetrySettings({ REGNODE_SPOOL_FREE_FLOOR_BYTES: '0' }),
    logger: { info() {}, warn() {}, error() {} },
    signal: abort.signal,
  });
  await vi.waitFor(() => expect(intake.latest('idc-1')?.heartbeat?.kubeletHealthy).toBe(true), patience);
  await until(() => telemetry.account().acknowledged > 100 && telemetry.account().pending === 0, 20_000);
  expect(intake.renderMetrics()).toContain('node_load1{node="idc-1",pool="default"}');
  const { produced, acknowledged, lost } = telemetry.account();
  expect(produced).toBe(acknowledged + lost);
  expect(intake.self.records).toBe(acknowledged);
  abort.abort();
  await telemetry.stopped;
});
