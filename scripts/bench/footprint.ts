// What the whole agent costs a host in steady state, beside what else one could run there. `npm
// run bench:footprint -- --json`
//
//   --minutes N    how long to watch, default 10      --settle S    seconds before that, default 45
//
// The whole takes two minutes more than the watching: a sandbox with two hosts; everything is watched at the
// same time. 45 s after the last join both agents have given back the pages of their start (30 s).
//
// CPU is user and system time of the process, its threads and the children it has waited for, in per cent
// of one core; memory is the median of a reading every ten seconds. Goals: rss_mb ≤ 80, cpu_percent_10s ≤
// 0.5, wire_vs_scrape ≤ 0.25.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createProgress } from '../machine/progress.ts';
import { startSandbox } from '../sandbox/sandbox.ts';
import { type Figures, medianOf, printResult } from './figures.ts';
import { joinAgent, scrapeOf, startGateway } from './footprint/agents.ts';
import { bareNode, type Contender, collectd, nodeExporter } from './footprint/contenders.ts';
import { type ProcessCost, processCost } from './footprint/process-cost.ts';

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '10' },
    settle: { type: 'string', default: '45' },
  },
});
const watchMs = Number(flags.minutes) * 60_000;
const readingMs = Math.min(10_000, watchMs / 5);
/** Request and answer headers of a scrape of node_exporter by Prometheus. */
const scrapeHeaderBytes = 420;
const mebibyte = 1024 * 1024;

interface Watched {
  readonly contender: Contender;
  readonly began: ProcessCost & { readonly wireBytes: number; readonly atMs: number };
  readonly readings: ProcessCost[];
}

const progress = createProgress();
const folder = await mkdtemp(join(tmpdir(), 'regnode-footprint-'));
const sandbox = await startSandbox({ name: 'bench-footprint', progress });
const contenders: Contender[] = [];
try {
  await startGateway(sandbox, progress);
  // Two hosts one after the other: joining is not what is measured.
  for (const seconds of [10, 1]) contenders.push(await joinAgent(sandbox, seconds));
  contenders.push(bareNode());
  for (const seconds of [10, 1]) contenders.push(await nodeExporter(seconds * 1000, progress));
  for (const seconds of [10, 1]) contenders.push(await collectd(seconds * 1000, folder, progress));
  await progress.step(`settling for ${flags.settle} s`, () => sleep(Number(flags.settle) * 1000));
  const watched = await progress.step(`watching for ${flags.minutes} min`, () => watch(contenders));
  await report(watched);
} finally {
  for (const contender of contenders) contender.stop();
  await sandbox.stop();
  await rm(folder, { recursive: true, force: true });
}

async function watch(all: readonly Contender[]): Promise<Watched[]> {
  const watched: Watched[] = [];
  for (const contender of all) {
    const [cost, wireBytes] = await Promise.all([processCost(contender.pid), contender.wireBytes()]);
    watched.push({ contender, began: { ...cost, wireBytes, atMs: performance.now() }, readings: [] });
  }
  const endMs = performance.now() + watchMs;
  while (performance.now() < endMs) {
    await sleep(Math.min(readingMs, Math.max(0, endMs - performance.now())));
    for (const { contender, readings } of watched) readings.push(await processCost(contender.pid));
  }
  return watched;
}

async function report(watched: readonly Watched[]): Promise<void> {
  const figures: Figures = {};
  for (const { contender, began, readings } of watched) {
    const seconds = (performance.now() - began.atMs) / 1000;
    const last = readings.at(-1) ?? began;
    const median = (key: keyof ProcessCost) => medianOf(readings.map((reading) => reading[key]));
    const put = (name: string, value: number) => {
      figures[`${contender.name}_${name}`] = value;
    };
    put('rss_mb', median('residentBytes') / mebibyte);
    put('rss_anonymous_mb', median('anonymousBytes') / mebibyte);
    put('rss_file_mb', median('fileBytes') / mebibyte);
    put('pss_mb', median('proportionalBytes') / mebibyte);
    put('threads', last.threads);
    put('cpu_percent', ((last.cpuSeconds - began.cpuSeconds) / seconds) * 100);
    put('context_switches_per_second', (last.contextSwitches - began.contextSwitches) / seconds);
    const wireBytes = (await contender.wireBytes()) - began.wireBytes;
    put('wire_bytes_per_minute', (wireBytes / seconds) * 60);
  }
  const scrape = await scrapeOf(sandbox, 'idc-10s');
  figures.same_values_series = scrape.series;
  figures.same_values_scrape_gzip_bytes = scrape.gzipBytes;
  figures.same_values_scrape_plain_bytes = scrape.plainBytes;
  const wire = figures.regnode_10s_wire_bytes_per_minute ?? Number.NaN;
  const ratios: Figures = {
    rss_mb: figures.regnode_10s_rss_mb ?? Number.NaN,
    cpu_percent_10s: figures.regnode_10s_cpu_percent ?? Number.NaN,
    cpu_percent_1s: figures.regnode_1s_cpu_percent ?? Number.NaN,
    wire_vs_scrape: wire / (6 * (scrape.gzipBytes + scrapeHeaderBytes)),
    wire_vs_scrape_plain: wire / (6 * (scrape.plainBytes + scrapeHeaderBytes)),
    wire_vs_node_exporter: wire / (figures.node_exporter_10s_wire_bytes_per_minute ?? Number.NaN),
    rss_vs_bare_node: (figures.regnode_10s_rss_mb ?? Number.NaN) / (figures.bare_node_rss_mb ?? Number.NaN),
  };
  printResult('footprint', ratios, figures, flags.json);
}
