// Telemetry end to end: records from a thread through ring, shipper and a masking websocket into another
// process's intake, until they are acknowledged; beside it one JSON message per record, each acknowledged by
// itself or 64 at once. And the spool: groups synced, beside every record synced. Contenders take turns;
// figures are medians over the rounds. `npm run bench:telemetry -- --json` prints one line of JSON.
//
//   --rounds N   default 5   --records N   end to end, default 4 000 000 (JSON: a fortieth)
//   --folder DIR where the spool is tried, default the temporary folder
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { medianOf, printResult } from './figures.ts';
import { countCopies } from './telemetry/copies.ts';
import { measureGroupedSync, measureSyncPerRecord } from './telemetry/measure-spool.ts';
import {
  measureJsonMessages,
  measureRegnode,
  Receiver,
  type TelemetrySample,
} from './telemetry/measure-telemetry.ts';

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    records: { type: 'string', default: '4000000' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const records = Number(flags.records);
const own: TelemetrySample[] = [];
const json: TelemetrySample[] = [];
const jsonInGroups: TelemetrySample[] = [];
const grouped: number[] = [];
const single: number[] = [];
const recordBytes = 64;
/** One answer for so many JSON messages: what a careful implementation would do. */
const group = 64;
const jsonRecords = Math.ceil(records / 40 / group) * group;

const receiver = await Receiver.start();
try {
  for (let round = 0; round <= Number(flags.rounds); round += 1) {
    const samples = [
      await measureRegnode(receiver, records),
      await measureJsonMessages(receiver, jsonRecords, 1),
      await measureJsonMessages(receiver, jsonRecords, group),
    ] as const;
    const spool = [
      await measureGroupedSync(flags.folder, 500_000),
      await measureSyncPerRecord(flags.folder, 300),
    ] as const;
    const [ring, messages] = samples.map((sample) => `${(sample.recordsPerSecond / 1e6).toFixed(3)} M/s`);
    process.stderr.write(
      `${round}/${flags.rounds} regnode ${ring}, JSON messages ${messages}, spool ${Math.round(spool[0])} and ${Math.round(spool[1])} records/s\n`,
    );
    if (round === 0) continue;
    own.push(samples[0]);
    json.push(samples[1]);
    jsonInGroups.push(samples[2]);
    grouped.push(spool[0]);
    single.push(spool[1]);
  }
  const counted = Math.min(records, 1_000_000);
  const copied = await countCopies(() => measureRegnode(receiver, counted));
  const rate = (samples: readonly TelemetrySample[]) =>
    medianOf(samples.map((sample) => sample.recordsPerSecond));
  const cpu = (samples: readonly TelemetrySample[]) =>
    medianOf(samples.map((sample) => sample.agentCpuNanosecondsPerRecord));
  printResult(
    'telemetry',
    {
      vs_json_messages: rate(own) / rate(json),
      vs_json_messages_acknowledged_in_groups: rate(own) / rate(jsonInGroups),
      cpu_vs_json_messages: cpu(json) / cpu(own),
      grouped_vs_per_record_sync: medianOf(grouped) / medianOf(single),
      bytes_copied_per_byte: copied / (counted * recordBytes),
      unaccounted: own.reduce((sum, sample) => sum + sample.unaccounted, 0),
    },
    {
      acknowledged_records_per_second: rate(own),
      json_acknowledged_records_per_second: rate(json),
      json_in_groups_acknowledged_records_per_second: rate(jsonInGroups),
      agent_cpu_ns_per_record: cpu(own),
      json_agent_cpu_ns_per_record: cpu(json),
      spool_grouped_records_per_second: medianOf(grouped),
      spool_per_record_sync_records_per_second: medianOf(single),
    },
    flags.json,
  );
} finally {
  await receiver.stop();
}
