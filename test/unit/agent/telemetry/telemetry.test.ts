// The whole path in one process: collecting thread, ring, shipper, a tunnel in
// memory, intake, Prometheus text.
import type { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { startTelemetry, type Telemetry } from '../../../../agent/telemetry/telemetry.ts';
import { TelemetryIntake } from '../../../../gateway/telemetry/intake.ts';
import { LoopbackChannel } from './loopback-channel.ts';

const newIntake = () => new TelemetryIntake({ poolOf: () => 'default' });
const logger = { info() {}, warn() {}, error() {} };
vi.setConfig({ testTimeout: 30_000 });
let abort = new AbortController();
let telemetry: Telemetry | undefined;

function start(channel: LoopbackChannel, metricsIntervalMs = 1000): Telemetry {
  abort = new AbortController();
  telemetry = startTelemetry({
    channel,
    intervals: { heartbeatIntervalMs: 1000, metricsIntervalMs },
    heartbeatProbe: async () => ({ kubeletHealthy: true, containerdHealthy: false }),
    logger,
    signal: abort.signal,
  });
  return telemetry;
}

afterEach(async () => {
  abort.abort();
  await telemetry?.stopped;
});

describe('telemetry from the collecting thread to Prometheus text', () => {
  test('values of this host arrive with node and pool, and everything is accounted for', async () => {
    const intake = newIntake();
    const channel = new LoopbackChannel(intake);
    const running = start(channel);
    await vi.waitFor(
      () => {
        const text = intake.renderMetrics();
        expect(text).toMatch(
          /^node_cpu_seconds_total\{node="idc-1",pool="default",cpu="0",mode="user"\} \d/m,
        );
        expect(text).toMatch(/^node_memory_MemTotal_bytes\{node="idc-1",pool="default"\} \d+$/m);
        expect(text).toMatch(
          /^node_scrape_collector_success\{node="idc-1",pool="default",collector="agent"\} 1$/m,
        );
        expect(text).toMatch(/^regnode_node_heartbeat_age_seconds/m);
        expect(running.account().pending).toBe(0);
      },
      { timeout: 10_000 },
    );
    const { produced, acknowledged, lost } = running.account();
    expect({ produced, lost }).toEqual({ produced: acknowledged, lost: 0 });
    expect(intake.self.records).toBe(produced);
    expect(intake.self.unexplained).toBe(0);
    expect([...intake.self.refusals.values()].every((count) => count === 0)).toBe(true);
    expect(intake.latest('idc-1')?.heartbeat?.memoryTotalBytes).toBeGreaterThan(0);
  });

  test('a gateway that starts anew understands what follows, since a new session describes everything', async () => {
    const channel = new LoopbackChannel(newIntake());
    const running = start(channel);
    await vi.waitFor(() => expect(running.account().acknowledged).toBeGreaterThan(0), { timeout: 10_000 });
    channel.intake = newIntake();
    running.resend();
    await vi.waitFor(() => expect(channel.intake.renderMetrics()).toContain('node_load1{node="idc-1"'), {
      timeout: 10_000,
    });
    expect(channel.intake.self.refusals.get('schema-unknown')).toBe(0);
  });

  test('what is produced while the link is cut is pending, and arrives exactly once afterwards', async () => {
    const intake = newIntake();
    const channel = new LoopbackChannel(intake);
    channel.isConnected = false;
    const running = start(channel);
    await vi.waitFor(() => expect(running.account().pending).toBeGreaterThan(0), { timeout: 10_000 });
    expect(running.account().acknowledged).toBe(0);
    channel.isConnected = true;
    running.resend();
    await vi.waitFor(() => expect(running.account().pending).toBe(0), { timeout: 10_000 });
    expect(intake.self.records).toBe(running.account().produced);
    expect(intake.self.duplicates).toBe(0);
  });

  test('a collecting thread that is killed is replaced, and every record of both is accounted for', async () => {
    const threads: Worker[] = [];
    const onThread = (thread: Worker) => threads.push(thread);
    process.on('worker', onThread);
    const intake = newIntake();
    const running = start(new LoopbackChannel(intake), 100);
    await vi.waitFor(() => expect(running.account().acknowledged).toBeGreaterThan(100), { timeout: 10_000 });
    await threads[0]?.terminate();
    const { produced: before } = running.account();
    await vi.waitFor(
      () => {
        expect(running.account().produced).toBeGreaterThan(before + 100);
        expect(running.account().pending).toBe(0);
      },
      { timeout: 20_000 },
    );
    process.off('worker', onThread);
    expect(threads).toHaveLength(2);
    const { produced, acknowledged, lost } = running.account();
    expect(produced).toBe(acknowledged + lost);
    expect(intake.self).toMatchObject({ records: acknowledged, reportedLost: lost, unexplained: 0 });
  });
});
