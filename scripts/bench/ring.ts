// The ring beside what else could carry records between two threads: ringbuf.js and postMessage, taking turns
// in one run; figures are medians over the rounds. Rates depend on what else the machine does, CPU time per
// record hardly. `npm run bench:ring -- --json` prints one line of JSON.
//
//   --rounds N   default 5   --records N   of the two rings, default 5 000 000 (postMessage: a twentieth)
import { parseArgs } from 'node:util';
import { type Figures, medianOf, printResult } from './figures.ts';
import { type RingContender, ringContenders } from './telemetry/contender.ts';
import { measureRing, type RingSample } from './telemetry/measure-ring.ts';

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    records: { type: 'string', default: '5000000' },
  },
});
const sizes = { '64B': 6, '256B': 30 } as const;
const samples = new Map<string, RingSample[]>();

// A first round that is not counted warms up the compilers.
for (let round = 0; round <= Number(flags.rounds); round += 1) {
  for (const [size, columns] of Object.entries(sizes)) {
    for (const contender of ringContenders) {
      const records = Number(flags.records) / (contender === 'postMessage' ? 20 : 1);
      const sample = await measureRing(contender, records, columns);
      const key = `${contender} ${size}`;
      if (round > 0) samples.set(key, [...(samples.get(key) ?? []), sample]);
      const rate = (sample.recordsPerSecond / 1e6).toFixed(2);
      process.stderr.write(`${round}/${flags.rounds} ${key.padEnd(18)} ${rate} M records/s\n`);
    }
  }
}

function figure(contender: RingContender, size: string, of: keyof RingSample): number {
  return medianOf((samples.get(`${contender} ${size}`) ?? []).map((sample) => sample[of]));
}

/** Both threads' CPU time per record. */
function cpuOf(contender: RingContender, size: string): number {
  const producer = figure(contender, size, 'producerNanosecondsPerRecord');
  return producer + figure(contender, size, 'consumerNanosecondsPerRecord');
}

const ratios: Figures = {};
const figures: Figures = {};
for (const size of Object.keys(sizes)) {
  const own = figure('regnode', size, 'recordsPerSecond');
  ratios[`records_${size}_vs_postmessage`] = own / figure('postMessage', size, 'recordsPerSecond');
  ratios[`records_${size}_vs_ringbuf_js`] = own / figure('ringbuf.js', size, 'recordsPerSecond');
  for (const contender of ringContenders) {
    if (contender !== 'regnode') {
      ratios[`cpu_${size}_vs_${contender.toLowerCase().replace('.', '_')}`] =
        cpuOf(contender, size) / cpuOf('regnode', size);
    }
    const name = contender.toLowerCase().replace('.', '_');
    figures[`${name}_${size}_records_per_second`] = figure(contender, size, 'recordsPerSecond');
    figures[`${name}_${size}_cpu_ns_per_record`] = cpuOf(contender, size);
    figures[`${name}_${size}_producer_ns_per_record`] = figure(
      contender,
      size,
      'producerNanosecondsPerRecord',
    );
  }
}
printResult('ring', ratios, figures, flags.json);
