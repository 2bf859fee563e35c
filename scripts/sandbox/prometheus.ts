// Debian's own Prometheus in the cloud of a sandbox, as a company would run it beside the gateway: over
// TLS, behind a password, taking remote-write. Unpacked into the cache and never installed, so no
// daemon starts on the machine.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unpackPackages } from '../machine/apt.ts';
import { cached } from '../machine/cache.ts';
import { type Progress, silentProgress } from '../machine/progress.ts';
import { lastLines } from './control-plane.ts';
import { cloudMember } from './line.ts';
import { startDaemon } from './namespaces.ts';
import { startTicks } from './registry.ts';
import type { Sandbox } from './sandbox.ts';
import { waitFor } from './wait.ts';

const address = '127.0.0.1:9090';
/** The example of Prometheus' documentation: bcrypt of "test". */
const passwordHash = '$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly timestampMs: number;
  readonly value: number;
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data: { readonly result: readonly Result[] };
}

interface Result {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

export class SandboxPrometheus {
  readonly url = `https://${address}`;
  readonly username = 'admin';
  readonly password = 'test';
  /** Roots of its certificate. */
  readonly caFile: string;
  readonly passwordFile: string;
  readonly #sandbox: Sandbox;
  readonly #folder: string;
  readonly #program: string;
  #process: { readonly pid: number; readonly startTicks: string } | undefined;

  private constructor(sandbox: Sandbox, program: string) {
    this.#sandbox = sandbox;
    this.#program = program;
    this.#folder = join(sandbox.dataFolder, 'prometheus');
    this.caFile = join(sandbox.cloud.files.pki, 'ca.crt');
    this.passwordFile = join(this.#folder, 'password');
  }

  /** `scrape` are the entries of scrape_configs. */
  static async create(
    sandbox: Sandbox,
    scrape: readonly object[],
    progress: Progress = silentProgress,
  ): Promise<SandboxPrometheus> {
    const prometheus = new SandboxPrometheus(sandbox, await prometheusProgram(progress));
    await prometheus.#configure(scrape);
    return prometheus;
  }

  async start(): Promise<void> {
    const log = join(this.#folder, 'log');
    const args = [
      `--config.file=${this.#folder}/prometheus.yml`,
      `--web.config.file=${this.#folder}/web.yml`,
      `--web.listen-address=${address}`,
      `--storage.tsdb.path=${this.#folder}/data`,
      '--web.enable-remote-write-receiver',
    ];
    const { id } = this.#sandbox;
    const pid = await startDaemon(id, cloudMember, this.#program, args, { logFile: log, cwd: this.#folder });
    this.#process = { pid, startTicks: (await startTicks(pid)) ?? '' };
    const ready = async () => (await this.#curl('/-/ready')).exitCode === 0;
    const detail = () => lastLines(log);
    await waitFor('Prometheus', ready, { timeoutMs: 60_000, intervalMs: 200, detail });
  }

  /** As systemd would; its data stays. */
  async stop(): Promise<void> {
    const running = this.#process;
    if (running === undefined) return;
    process.kill(running.pid, 'SIGTERM');
    const ended = async () => (await startTicks(running.pid)) !== running.startTicks;
    await waitFor('Prometheus to end', ended, { timeoutMs: 60_000, intervalMs: 50 });
    this.#process = undefined;
  }

  /** An instant vector: the latest sample of each series, with the time of the query. */
  async query(expression: string): Promise<Sample[]> {
    const results = await this.#ask(expression);
    return results.flatMap(({ metric, value }) => (value === undefined ? [] : [sampleOf(metric, value)]));
  }

  /** Samples as they were stored, of `selector[range]`. */
  async stored(selector: string, range = '15m'): Promise<Sample[]> {
    const results = await this.#ask(`${selector}[${range}]`);
    return results.flatMap(({ metric, values = [] }) => values.map((value) => sampleOf(metric, value)));
  }

  /** The one value of an expression; undefined while there is none. */
  async value(expression: string): Promise<number | undefined> {
    const [first, second] = await this.query(expression);
    if (second !== undefined) throw new Error(`${expression} is more than one series`);
    return first?.value;
  }

  async #ask(expression: string): Promise<readonly Result[]> {
    const asked = await this.#curl('/api/v1/query', ['--data-urlencode', `query=${expression}`]);
    const answer = JSON.parse(asked.stdout || '{}') as Partial<Answer>;
    if (answer.status !== 'success' || answer.data === undefined)
      throw new Error(`${expression}: ${answer.error ?? asked.stderr}`);
    return answer.data.result;
  }

  #curl(path: string, more: readonly string[] = []) {
    const fixed = [
      '-s',
      '--max-time',
      '20',
      '--cacert',
      this.caFile,
      '-u',
      `${this.username}:${this.password}`,
    ];
    const failing = more.length === 0 ? ['-f'] : [];
    return this.#sandbox.cloud.run('curl', [...fixed, ...failing, ...more, `${this.url}${path}`]);
  }

  async #configure(scrape: readonly object[]): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const { pki } = this.#sandbox.cloud.files;
    const configuration = {
      global: { scrape_interval: '2s', scrape_timeout: '2s' },
      scrape_configs: scrape,
      // For what a node kept on its disk while its line was cut.
      storage: { tsdb: { out_of_order_time_window: '2h' } },
    };
    const web = {
      tls_server_config: { cert_file: join(pki, 'apiserver.crt'), key_file: join(pki, 'apiserver.key') },
      basic_auth_users: { [this.username]: passwordHash },
    };
    // JSON is YAML.
    await writeFile(join(this.#folder, 'prometheus.yml'), JSON.stringify(configuration));
    await writeFile(join(this.#folder, 'web.yml'), JSON.stringify(web));
    await writeFile(this.passwordFile, `${this.password}\n`);
  }
}

async function prometheusProgram(progress: Progress): Promise<string> {
  const root = await cached('debian-prometheus/1', progress, (staging) =>
    progress.step('fetching the Debian package prometheus', () =>
      unpackPackages(['prometheus'], staging, progress),
    ),
  );
  return join(root, 'usr/bin/prometheus');
}

function sampleOf(
  labels: Readonly<Record<string, string>>,
  [seconds, text]: readonly [number, string],
): Sample {
  return { labels, timestampMs: Math.round(seconds * 1000), value: Number(text.replace('Inf', 'Infinity')) };
}
