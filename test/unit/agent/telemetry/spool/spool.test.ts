// The spool under everything that happens to disks, links and processes; each time the numbers must come out
// exactly: what was produced is delivered once or lost with a reason, and nothing is delivered twice.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { openSpoolDisk } from '../../../../../agent/host/spool-disk.ts';
import { TelemetryIntake } from '../../../../../gateway/telemetry/intake.ts';
import { LoopbackChannel } from '../loopback-channel.ts';
import { Life, type LifeOptions, patience } from './life.ts';
import { MemoryDisk } from './memory-disk.ts';

vi.setConfig({ testTimeout: 30_000 });
const lives: Life[] = [];
afterEach(async () => {
  for (const life of lives.splice(0)) await life.stop();
});

function setUp() {
  const intake = new TelemetryIntake({ poolOf: () => 'default' });
  const channel = new LoopbackChannel(intake);
  const disk = new MemoryDisk();
  const begin = (options: Partial<LifeOptions> & { epoch: number }) => {
    const life = new Life({ disk, channel, ...options });
    lives.push(life);
    return life;
  };
  return { intake, channel, disk, begin };
}

describe('a link that is cut', () => {
  test('for a short while: what the ring still has goes out from there, in order', async () => {
    const { intake, channel, begin } = setUp();
    const life = begin({ epoch: 1000 });
    channel.isConnected = false;
    await life.produceSlowly(50);
    channel.isConnected = true;
    life.shipper.resend();
    await life.delivered();
    expect(intake.self).toMatchObject({ records: 51, duplicates: 0, unexplained: 0, gaps: 0 });
    expect(life.shipper.account()).toEqual({ produced: 51, acknowledged: 51, pending: 0, lost: 0 });
    expect(life.spool.acknowledgedRecords).toBe(0);
  });

  test('for longer than the ring holds: the disk has the rest, nothing is lost, nothing comes twice', async () => {
    const { intake, channel, begin } = setUp();
    const life = begin({ epoch: 1000 });
    life.produce(10);
    await life.delivered();
    channel.isConnected = false;
    await life.produceSlowly(1000);
    expect(life.shipper.account()).toMatchObject({ produced: 1011, pending: 1000, lost: 0 });
    channel.isConnected = true;
    life.shipper.resend();
    life.produce(5);
    await life.delivered();
    expect(life.spool.acknowledgedRecords).toBeGreaterThan(0);
    expect(life.shipper.account()).toEqual({ produced: 1016, acknowledged: 1016, pending: 0, lost: 0 });
    expect(intake.self).toMatchObject({ records: 1016, duplicates: 0, unexplained: 0 });
    // The live value is the last one, not a replayed one.
    expect(intake.samples('idc-1')).toEqual([{ name: 'node_load1', labels: {}, value: 4 }]);
  });

  test('for longer than the disk may hold: the oldest go, and the gateway is told how many', async () => {
    const { intake, channel, begin } = setUp();
    const life = begin({ epoch: 1000, capacityBytes: 1024, capBytes: 8192 });
    channel.isConnected = false;
    await life.produceSlowly(2000);
    const { lost, pending } = life.shipper.account();
    expect(lost).toBeGreaterThan(1000);
    expect(lost + pending).toBe(2001);
    channel.isConnected = true;
    life.shipper.resend();
    await life.delivered();
    await vi.waitFor(() => expect(intake.self.reportedLost).toBe(lost), patience);
    expect(life.shipper.account()).toEqual({ produced: 2001, acknowledged: 2001 - lost, pending: 0, lost });
    expect(intake.self).toMatchObject({ records: 2001 - lost, duplicates: 0, unexplained: 0 });
  });
});

describe('a process that ends', () => {
  test('cleanly, with the link cut: the next life replays all of it beside its own records', async () => {
    const { intake, channel, begin } = setUp();
    channel.isConnected = false;
    const first = begin({ epoch: 1000 });
    first.produce(30);
    await first.stop();
    channel.isConnected = true;
    const second = begin({ epoch: 2000 });
    second.produce(7);
    await vi.waitFor(() => expect(intake.self.records).toBe(31 + 8), patience);
    expect(intake.self).toMatchObject({ duplicates: 0, reportedLost: 0 });
    expect(intake.latest('idc-1')?.epochs).toContainEqual(
      expect.objectContaining({ epoch: 1000, next: 31, taken: 31, unexplained: 0 }),
    );
  });

  test('by power cut: what was synced survives', async () => {
    const { intake, channel, disk, begin } = setUp();
    channel.isConnected = false;
    const first = begin({ epoch: 1000 });
    await first.produceSlowly(100);
    disk.failsToSync = true;
    first.produce(40);
    await vi.waitFor(() => expect(first.spool.failures).toBeGreaterThan(0), patience);
    await first.stop();
    disk.powerCut();
    disk.failsToSync = false;
    channel.isConnected = true;
    begin({ epoch: 2000 }).produce(0);
    await vi.waitFor(() => expect(intake.self.records).toBe(101 + 1), patience);
    expect(intake.latest('idc-1')?.epochs).toContainEqual(
      expect.objectContaining({ epoch: 1000, next: 101, taken: 101, unexplained: 0 }),
    );
  });

  test('after all was acknowledged: nothing is replayed', async () => {
    const { intake, begin } = setUp();
    const first = begin({ epoch: 1000 });
    first.produce(30);
    await first.delivered();
    await first.stop();
    const second = begin({ epoch: 2000 });
    second.produce(1);
    await second.delivered();
    expect(intake.self).toMatchObject({ records: 33, duplicates: 0 });
  });
});

describe('a disk that fails', () => {
  test('full: the ring goes on alone, loses what it cannot hold, and says so', async () => {
    const { intake, channel, disk, begin } = setUp();
    disk.capacityBytes = 11_000;
    channel.isConnected = false;
    const life = begin({ epoch: 1000 });
    for (let step = 0; step < 40; step += 1) {
      life.produce(20);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await vi.waitFor(() => expect(life.spool.failures).toBeGreaterThan(0), patience);
    channel.isConnected = true;
    life.shipper.resend();
    await life.delivered();
    life.produce(1);
    await life.delivered();
    const { produced, acknowledged, lost } = life.shipper.account();
    expect(lost).toBeGreaterThan(0);
    expect(produced).toBe(acknowledged + lost);
    expect(intake.self).toMatchObject({ records: acknowledged, duplicates: 0, unexplained: 0 });
    await vi.waitFor(() => expect(intake.self.reportedLost).toBe(lost), patience);
  });

  test('read-only from the start: telemetry runs from memory', async () => {
    const { intake, disk, begin } = setUp();
    disk.isReadOnly = true;
    const life = begin({ epoch: 1000 });
    life.produce(10);
    await life.delivered();
    expect(intake.self.records).toBe(11);
  });

  test('read-only for a while: what it did not let go then goes when it may be written again', async () => {
    const { channel, disk, begin } = setUp();
    const segments = () => [...disk.files.keys()].filter((name) => name !== 'cursor');
    channel.isConnected = false;
    const life = begin({ epoch: 1000, capacityBytes: 1024 });
    await life.produceSlowly(300);
    disk.isReadOnly = true;
    channel.isConnected = true;
    life.shipper.resend();
    await life.delivered();
    const kept = segments();
    expect(kept.length).toBeGreaterThan(3);
    await vi.waitFor(() => expect(life.spool.sizeBytes).toBe(0), patience);
    const left = () => segments().filter((name) => kept.includes(name));
    disk.stuck = kept[0];
    disk.isReadOnly = false;
    await vi.waitFor(() => expect(left()).toEqual([disk.stuck]), patience);
    disk.stuck = undefined;
    await vi.waitFor(() => expect(left()).toEqual([]), patience);
    expect(life.shipper.account()).toMatchObject({ lost: 0 });
  });

  test('a real one: what the ring held lies there as it was sent', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'regnode-spool-'));
    try {
      const { intake, channel, begin } = setUp();
      channel.isConnected = false;
      const first = begin({ epoch: 1000, disk: openSpoolDisk(folder) });
      await first.produceSlowly(300);
      await first.stop();
      expect((await readdir(folder)).length).toBeGreaterThan(3);
      channel.isConnected = true;
      const second = begin({ epoch: 2000, disk: openSpoolDisk(folder) });
      second.produce(1);
      await vi.waitFor(() => expect(intake.self.records).toBe(301 + 2), patience);
      expect(intake.self.duplicates).toBe(0);
      await second.stop();
      expect(await readdir(folder)).toEqual(['cursor']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('less free space than the floor: old segments go first', async () => {
    const { channel, disk, begin } = setUp();
    disk.capacityBytes = 20_000;
    channel.isConnected = false;
    const life = begin({ epoch: 1000, capacityBytes: 1024, freeFloorBytes: 8000 });
    await life.produceSlowly(1500);
    expect(disk.usedBytes).toBeLessThan(20_000);
    expect(life.spool.failures).toBe(0);
    const { produced, pending, lost } = life.shipper.account();
    expect(lost).toBeGreaterThan(0);
    expect(pending + lost).toBe(produced);
  });
});
