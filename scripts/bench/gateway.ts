// What one gateway carries: heartbeats and samples per core-second, memory per node, reconnects. Simulated
// nodes in several processes speak the real protocol over ws and wss; beside them a plain ws server with JSON
// heartbeats, which is what one would write instead, and bare TCP and TLS servers that count bytes, which are
// the floor. All are connected at the same time and measured in turns; figures are medians over the rounds.
// `npm run bench:gateway -- --json` prints one line of JSON.
//
// Heartbeats per core-second are those of a gateway at its limit: all nodes send one while it stands
// still, then it takes them (`--waves` times a round). Beside it, what each costs at a pace at which
// nearly every one wakes the process.
//
//   --nodes N     connected, 10000     --senders N      of them send at a pace, and samples; default 2000
//   --seconds S   per measurement, 2   --per-second R   heartbeats of each sender, default 15
//   --rounds N    default 5            --waves N        default 5
//   --only A,B    of ws, wss, json, tcp, tls          --profile FOLDER  CPU profiles of the far ends

import { parseArgs } from 'node:util';
import { background } from '../../protocol/defect.ts';
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
    only: { type: 'string' },
    profile: { type: 'string' },
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
const kinds = {
  ws: { protocol: 'regnode', isSecure: false },
  wss: { protocol: 'regnode', isSecure: true },
  json: { protocol: 'json', isSecure: false },
  tcp: { protocol: 'bare', isSecure: false },
  tls: { protocol: 'bare', isSecure: true },
} as const;
type Name = keyof typeof kinds;
const wanted = flags.only?.split(',');
const names = (Object.keys(kinds) as Name[]).filter((name) => wanted?.includes(name) ?? true);
/** These say nothing of samples. */
const isOurs = (name: Name): boolean => kinds[name].protocol === 'regnode';
const progress = createProgress();
process.once('SIGINT', () =>
  background(
    'interrupt',
    stopAll().then(() => process.exit(130)),
  ),
);
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
    const { protocol, isSecure } = kinds[name];
    const contender = await startContender(protocol, isSecure ? authority : undefined, flags.profile);
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
      if (kinds[name].protocol === 'bare') continue;
      const atPace = await measureSending(contender, 'heartbeats', senders, heartbeatsPerSecond, seconds);
      if (round > 0) paced.get(name)?.push(atPace);
      if (!isOurs(name)) continue;
      const batches = await measureSending(contender, 'samples', senders, 1, round === 0 ? 2 : seconds);
      if (round > 0) samples.get(name)?.push(batches);
    }
  }
  for (const name of names) {
    const found = heartbeats.get(name) ?? [];
    figures[`heartbeats_per_core_second_${name}`] = medianOf(found.map(({ perCoreSecond }) => perCoreSecond));
    figures[`heartbeats_carried_per_second_${name}`] = medianOf(found.map(({ perSecond }) => perSecond));
    figures[`heartbeats_system_share_${name}`] = medianOf(found.map(({ systemShare }) => systemShare));
    if (kinds[name].protocol === 'bare') continue;
    const atPace = paced.get(name) ?? [];
    figures[`heartbeats_paced_per_core_second_${name}`] = medianOf(
      atPace.map(({ perCoreSecond }) => perCoreSecond),
    );
    figures[`heartbeats_paced_per_second_${name}`] = medianOf(atPace.map(({ perSecond }) => perSecond));
    if (!isOurs(name)) continue;
    const batches = samples.get(name) ?? [];
    figures[`samples_per_core_second_${name}`] = medianOf(batches.map(({ perCoreSecond }) => perCoreSecond));
  }
  for (const [index, name] of names.entries()) {
    if (!isOurs(name)) continue;
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
    heartbeats_vs_bare_tcp: ratio('heartbeats_per_core_second_ws', 'heartbeats_per_core_second_tcp'),
    heartbeats_vs_bare_tls: ratio('heartbeats_per_core_second_wss', 'heartbeats_per_core_second_tls'),
    idle_memory_vs_json_ws: ratio('ws_idle_bytes_per_node', 'json_idle_bytes_per_node'),
  };
  printResult('gateway', ratios, { nodes, ...figures }, flags.json);
}

function describe({ perSecond, perCoreSecond, systemShare }: Carried): string {
  const system = (systemShare * 100).toFixed(0);
  return `${perSecond.toFixed(0)} heartbeats/s, ${perCoreSecond.toFixed(0)} per core-second, ${system} % of it in the kernel`;
}
