// A process that produces records without a link, and says each time how many are certainly on the
// disk. It never ends by itself.

import { openSpoolDisk } from '../../../../../agent/host/spool-disk.ts';
import { createRing } from '../../../../../agent/telemetry/ring/layout.ts';
import { RingProducer } from '../../../../../agent/telemetry/ring/producer.ts';
import { Shipper } from '../../../../../agent/telemetry/shipper/shipper.ts';
import { Spool } from '../../../../../agent/telemetry/spool/spool.ts';
import { background } from '../../../../../protocol/defect.ts';
import { recordClass } from '../../../../../protocol/telemetry/record.ts';

const channel = { sendBatch: () => false, setHeartbeat() {}, onAcknowledgement() {} };
const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };
// Seconds of records: one that is full gives up records whose loss a killed process can't tell any more.
const memory = createRing({ capacityBytes: 1 << 22, epoch: 1000 });
const producer = new RingProducer(memory);
const spools: Spool[] = [];
const shipper = new Shipper({
  memory,
  channel,
  clock,
  startMs: 0,
  spool: (parts) => {
    const spool = new Spool({
      ...parts,
      channel,
      disk: openSpoolDisk(process.argv[2] ?? ''),
      limits: { capBytes: 1 << 26, freeFloorBytes: 0, segmentBytes: 1 << 14 },
      logger: { info() {}, warn() {} },
      writeDelayMs: 1,
      syncDelayMs: 1,
    });
    spools.push(spool);
    return spool;
  },
});
const { signal } = new AbortController();
background('shipper', shipper.run(signal));
for (const spool of spools) background('spool', spool.run(signal));

let produced = 0;
setInterval(() => {
  if (produced > 0 && spools[0]?.isDurable) process.send?.(produced);
  for (let index = 0; index < 50; index += 1) producer.begin(recordClass.metric, 1, 0, 3);
  producer.publish();
  produced += 50;
}, 5);
