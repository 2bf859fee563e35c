// What one gateway carries: heartbeats and samples per core-second, memory per node, reconnects. Simulated nodes in
// several processes speak the real protocol over ws and wss; beside them a plain ws server with JSON heartbeats, which
// is what one would write instead. All are connected at the same time and measured in turns; figures are medians over
// the rounds. `npm run bench:gateway -- --json` prints one line of JSON.
//
// Heartbeats per core-second are those of a gateway at its limit: all nodes send one while it stands still, then it takes
// them (`--waves` times a round). Beside it, what each costs at a pace at which nearly every one wakes the process.
//
//   --nodes N     connected, 10000     --senders N      of them send at a pace, and samples; default 2000
//   --seconds S   per measurement, 2   --per-second R   heartbeats of each sender, default 15
//   --rounds N    default 5            --waves N        default 5
import { parseArgs } from 'node:util';
import { createProgress } from '../machine/progress.ts';
import { medianOf, printResult } from './figures.ts';
import { type Contender, startContender, stopContender } from './gateway/contender.ts';
import {
  type Carried,
  measureIdle,
  measureReconnects,
  measureSending,
  measureWaves,
} from './gateway/measure.ts';
import { createAuthority } from './tunnel/certificates.ts';
import { stopAll } from './tunnel/process.ts';

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    nodes: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    senders: { type: 'string', default: '2000' },
    'per-second': { type: 'string', default: '15' },
    waves: { type: 'string', default: '5' },
  },
});
const nodes = Number(flags.nodes);
const senders = Math.min(nodes, Number(flags.senders));
const rounds = Number(flags.rounds);
const seconds = Number(flags.seconds);
const waves = Number(flags.waves);
const heartbeatsPerSecond = Number(flags['per-second']);
/** Idle tunnels are weighed when there are so many. */
const weighedNodes = 5000;
const names = ['ws', 'wss', 'json'] as const;
type Name = (typeof names)[number];
const progress = createProgress();
process.once('SIGINT', () => void stopAll().then(() => process.exit(130)));
try {
  await main();
} finally {
  await stopAll();
}

async function main(): Promise<void> {
  const authority = await createAuthority();
  const figures: Record<string, number> = {};
  const contenders: Contender[] = [];
  for (const name of names) {
    const contender = await startContender(name, name === 'wss' ? authority : undefined);
    contenders.push(contender);
    const idle = await progress.step(`${name}: ${nodes} nodes connect`, () =>
      measureIdle(contender, Math.min(nodes, weighedNodes), nodes),
    );
    figures[`${name}_idle_bytes_per_node`] = idle.bytesPerNode;
    figures[`${name}_connects_per_core_second`] = idle.connectsPerCoreSecond;
    progress.line(
      `${name}: ${(idle.bytesPerNode / 1024).toFixed(1)} KiB a node, ${idle.connectsPerCoreSecond.toFixed(0)} connects per core-second`,
    );
  }
  const heartbeats = new Map<Name, Carried[]>(names.map((name) => [name, []]));
  const paced = new Map<Name, Carried[]>(names.map((name) => [name, []]));
  const samples = new Map<Name, Carried[]>(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index, name] of names.entries()) {
      const contender = contenders[index] as Contender;
      const found = await measureWaves(contender, nodes, waves);
      if (round > 0) heartbeats.get(name)?.push(found);
      progress.line(`${round}/${rounds} ${name}: ${describe(found)}${round ? '' : ' (not counted)'}`);
      const atPace = await measureSending(contender, 'heartbeats', senders, heartbeatsPerSecond, seconds);
      if (round > 0) paced.get(name)?.push(atPace);
      if (name === 'json') continue;
      const batches = await measureSending(contender, 'samples', senders, 1, round === 0 ? 2 : seconds);
      if (round > 0) samples.get(name)?.push(batches);
    }
  }
  for (const name of names) {
    const found = heartbeats.get(name) ?? [];
    figures[`heartbeats_per_core_second_${name}`] = medianOf(found.map(({ perCoreSecond }) => perCoreSecond));
    figures[`heartbeats_carried_per_second_${name}`] = medianOf(found.map(({ perSecond }) => perSecond));
    const atPace = paced.get(name) ?? [];
    figures[`heartbeats_paced_per_core_second_${name}`] = medianOf(
      atPace.map(({ perCoreSecond }) => perCoreSecond),
    );
    figures[`heartbeats_paced_per_second_${name}`] = medianOf(atPace.map(({ perSecond }) => perSecond));
    if (name === 'json') continue;
    const batches = samples.get(name) ?? [];
    figures[`samples_per_core_second_${name}`] = medianOf(batches.map(({ perCoreSecond }) => perCoreSecond));
  }
  for (const [index, name] of (['ws', 'wss'] as const).entries()) {
    const contender = contenders[index] as Contender;
    figures[`${name}_bytes_per_node_for_300_series`] = await contender.weighedPerNode(senders);
    figures[`${name}_reconnects_per_core_second`] = await measureReconnects(contender, Math.min(nodes, 1000));
    figures[`${name}_unexplained_records`] = (await contender.state()).unexplained;
  }
  for (const contender of contenders) await stopContender(contender);
  const ratio = (above: string, below: string) =>
    (figures[above] ?? Number.NaN) / (figures[below] ?? Number.NaN);
  const ratios = {
    heartbeats_vs_json_ws: ratio('heartbeats_per_core_second_ws', 'heartbeats_per_core_second_json'),
    idle_memory_vs_json_ws: ratio('ws_idle_bytes_per_node', 'json_idle_bytes_per_node'),
  };
  printResult('gateway', ratios, { nodes, ...figures }, flags.json);
}

function describe({ perSecond, perCoreSecond }: Carried): string {
  return `${perSecond.toFixed(0)} heartbeats/s, ${perCoreSecond.toFixed(0)} per core-second`;
}
