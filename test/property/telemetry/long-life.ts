// An agent's telemetry for as many rounds as it is told, in a process of its own whose garbage is collected
// between them: collectors, ring, shipper, spool on a real disk, heartbeats, the tunnel's two sessions, and a
// gateway's intake. Says how much is in use after each stretch of rounds. A leak of so many bytes a round can
// be put in, to see that it would be seen.
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { Procfs, sharedClock } from '../../../agent/host/procfs.ts';
import { openSpoolDisk } from '../../../agent/host/spool-disk.ts';
import { GroupSink } from '../../../agent/telemetry/collectors/group-sink.ts';
import { collectorsOf } from '../../../agent/telemetry/collectors/registry.ts';
import { Rounds } from '../../../agent/telemetry/collectors/round.ts';
import { HeartbeatSender } from '../../../agent/telemetry/heartbeat/heartbeat.ts';
import { VitalsSlot } from '../../../agent/telemetry/heartbeat/slot.ts';
import { VitalsSampler } from '../../../agent/telemetry/heartbeat/vitals.ts';
import { createRing } from '../../../agent/telemetry/ring/layout.ts';
import { RingProducer } from '../../../agent/telemetry/ring/producer.ts';
import { Shipper } from '../../../agent/telemetry/shipper/shipper.ts';
import { Spool } from '../../../agent/telemetry/spool/spool.ts';
import { TelemetryIntake } from '../../../gateway/telemetry/intake.ts';
import { Simulation } from '../tunnel/simulation.ts';

const [spoolFolder = '', root = '', stretches = '', rounds = '', leakBytes = ''] = process.argv.slice(2);
const collectGarbage = globalThis.gc;
assert(collectGarbage, 'node --expose-gc');

const intake = new TelemetryIntake({ poolOf: () => 'default' });
const simulation: Simulation = new Simulation(
  {},
  {
    onTelemetry(payload) {
      const answer = intake.accept('idc-1', payload);
      if (answer !== undefined) simulation.gateway.acknowledgeTelemetry(answer);
    },
    onHeartbeat: (payload) => intake.heartbeat('idc-1', payload),
  },
);
const channel = simulation.agent.telemetry;
const memory = createRing({ capacityBytes: 1 << 20, epoch: 1000 });
const startMs = sharedClock.monotonicMs();
const spools: Spool[] = [];
const shipper = new Shipper({
  memory,
  channel,
  clock: sharedClock,
  startMs,
  newEpoch: () => 2000,
  spool: (parts) => {
    const spool = new Spool({
      ...parts,
      channel,
      disk: openSpoolDisk(spoolFolder),
      logger: { info() {}, warn() {} },
      limits: { capBytes: 1 << 24, freeFloorBytes: 0 },
    });
    spools.push(spool);
    return spool;
  },
});
const procfs = new Procfs(root);
const slot = new VitalsSlot();
const sampler = new VitalsSampler(procfs);
const collecting = new Rounds(
  collectorsOf({ space: () => undefined }),
  procfs,
  new GroupSink(new RingProducer(memory), 1000),
  sharedClock,
  startMs,
);
const services = async () => ({ kubeletHealthy: true, containerdHealthy: true });
const heart = new HeartbeatSender(channel, slot, services, () => shipper.account());

const leaked: Uint8Array[] = [];
const abort = new AbortController();
const running = [shipper.run(abort.signal), ...spools.map((spool) => spool.run(abort.signal))];
simulation.connect();
simulation.settle();
for (let stretch = 0; stretch < Number(stretches); stretch += 1) {
  for (let count = 0; count < Number(rounds); count += 1) await round();
  // Twice: what the first collection lets go of may have held more.
  for (let again = 0; again < 2; again += 1) {
    await collectGarbage({ execution: 'async', type: 'major' });
    await turn();
  }
  const { heapUsed, external } = process.memoryUsage();
  process.send?.({ bytes: heapUsed + external, records: intake.self.records, account: shipper.account() });
}
abort.abort();
await Promise.all(running);
process.disconnect?.();

async function round(): Promise<void> {
  slot.write(sampler.sample(sharedClock.monotonicMs()));
  collecting.run();
  heart.beat(sharedClock.nowMs());
  if (Number(leakBytes) > 0) leaked.push(new Uint8Array(Number(leakBytes)));
  do {
    await turn();
    simulation.settle();
    simulation.clock.advance(5);
  } while (shipper.account().pending > 0);
  simulation.clock.advance(1000);
}
