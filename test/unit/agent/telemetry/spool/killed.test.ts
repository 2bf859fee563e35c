// A real process with a real disk, killed at any moment: what it said was on the disk
// is there, whole and in order.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { openSpoolDisk } from '../../../../../agent/host/spool-disk.ts';
import { TelemetryIntake } from '../../../../../gateway/telemetry/intake.ts';
import { LoopbackChannel } from '../loopback-channel.ts';
import { Life, patience } from './life.ts';

test.each([0, 13, 40])(
  'killed %i ms after it had written something',
  async (delayMs) => {
    const folder = await mkdtemp(join(tmpdir(), 'regnode-killed-'));
    try {
      const child = fork(new URL('./dying-agent.ts', import.meta.url), [folder]);
      let written = 0;
      child.on('message', (count: number) => {
        written = count;
      });
      await once(child, 'message');
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      const intake = new TelemetryIntake({ poolOf: () => 'default' });
      const life = new Life({
        epoch: 2000,
        disk: openSpoolDisk(folder),
        channel: new LoopbackChannel(intake),
      });
      life.produce(1);
      await vi.waitFor(() => {
        expect(life.spool.isEmptied).toBe(true);
        expect(life.shipper.account().pending).toBe(0);
      }, patience);
      await life.stop();
      const nextSequence = intake.latest('idc-1')?.epochs.find(({ epoch }) => epoch === 1000)?.next ?? 0;
      expect(nextSequence).toBeGreaterThanOrEqual(written);
      expect(intake.self).toMatchObject({ records: nextSequence + 2, duplicates: 0, unexplained: 0 });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  30_000,
);
