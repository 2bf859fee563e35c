// A spool on a disk that gives back other bytes than were written.
import { expect, test, vi } from 'vitest';
import { TelemetryIntake } from '../../../gateway/telemetry/intake.ts';
import { LoopbackChannel } from '../../unit/agent/telemetry/loopback-channel.ts';
import { Life, patience } from '../../unit/agent/telemetry/spool/life.ts';
import { MemoryDisk } from '../../unit/agent/telemetry/spool/memory-disk.ts';

test('damaged at a random byte, 1000 times: it starts, counts no record twice, and delivers nothing that was not written', async () => {
  const disk = new MemoryDisk();
  const cut = new LoopbackChannel(new TelemetryIntake({ poolOf: () => 'default' }));
  cut.isConnected = false;
  const first = new Life({ epoch: 1000, disk, channel: cut });
  await first.produceSlowly(100);
  await first.stop();
  const whole = new Map([...disk.files].map(([name, { bytes }]) => [name, Buffer.from(bytes)]));
  for (let run = 0; run < 1000; run += 1) {
    disk.files.clear();
    const names = [...whole.keys()];
    const victim = names[run % names.length] ?? '';
    for (const [name, bytes] of whole) {
      const copy = Buffer.from(bytes);
      const at = (run * 7919) % copy.byteLength;
      if (name === victim) copy.writeUInt8(copy.readUInt8(at) ^ (1 + (run % 255)), at);
      disk.files.set(name, { bytes: copy, syncedBytes: copy.byteLength });
    }
    const intake = new TelemetryIntake({ poolOf: () => 'default' });
    const life = new Life({ epoch: 3000 + run, disk, channel: new LoopbackChannel(intake) });
    life.produce(1);
    await life.delivered();
    await vi.waitFor(() => expect(life.spool.isEmptied).toBe(true), patience);
    await life.stop();
    const { records, duplicates, reportedLost, unexplained, refusals } = intake.self;
    // 101 of the first life, and two of this one.
    expect(records + reportedLost).toBeLessThanOrEqual(103);
    expect(records).toBeGreaterThan(2);
    expect({ duplicates, unexplained, checksum: refusals.get('checksum') }).toEqual({
      duplicates: 0,
      unexplained: 0,
      checksum: 0,
    });
  }
});
