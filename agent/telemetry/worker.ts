// Entry of the collecting thread: the one producer of the ring. It samples vitals and runs the
// collectors in their rhythm, and knows nothing of tunnels. Messages from the main thread are rare:
// other intervals, or the end.

import { parentPort, workerData } from 'node:worker_threads';
import { background } from '../../protocol/defect.ts';
import { Procfs, sharedClock } from '../host/procfs.ts';
import { RemoteSpaces } from '../host/remote-space.ts';
import { GroupSink } from './collectors/group-sink.ts';
import { LineCollector } from './collectors/line.ts';
import { collectorsOf } from './collectors/registry.ts';
import { Rounds } from './collectors/round.ts';
import { VitalsSlot } from './heartbeat/slot.ts';
import { VitalsSampler } from './heartbeat/vitals.ts';
import { Rhythm } from './rhythm.ts';
import { RingProducer } from './ring/producer.ts';
import type { WorkerInput, WorkerMessage } from './worker-input.ts';

if (parentPort !== null) startCollecting(workerData as WorkerInput, parentPort);

function startCollecting(input: WorkerInput, port: NonNullable<typeof parentPort>): void {
  const procfs = new Procfs(input.root);
  const remoteSpaces = new RemoteSpaces(sharedClock);
  const slot = new VitalsSlot(input.vitals);
  const sampler = new VitalsSampler(procfs);
  const sink = new GroupSink(new RingProducer(input.ring), input.metricsIntervalMs, input.lastSchema);
  const line = new LineCollector();
  const rounds = new Rounds(collectorsOf(remoteSpaces, line), procfs, sink, sharedClock, input.startMs);

  const vitals = new Rhythm(sharedClock, setTimeout, () =>
    slot.write(sampler.sample(sharedClock.monotonicMs())),
  );
  const metrics = new Rhythm(sharedClock, setTimeout, () => rounds.run());
  vitals.start(input.heartbeatIntervalMs);
  metrics.start(input.metricsIntervalMs);

  port.on('message', (message: WorkerMessage) => {
    if (message.kind === 'stop') {
      vitals.stop();
      metrics.stop();
      procfs.close();
      background('asker of remote file systems', remoteSpaces.close());
      port.close();
      return;
    }
    if (message.kind === 'line') {
      line.measured(message.values);
      return;
    }
    if (message.metricsIntervalMs !== metrics.intervalMs) {
      sink.setInterval(message.metricsIntervalMs);
      metrics.start(message.metricsIntervalMs);
    }
    if (message.heartbeatIntervalMs !== vitals.intervalMs) vitals.start(message.heartbeatIntervalMs);
  });
}
