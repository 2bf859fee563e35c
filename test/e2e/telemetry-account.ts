// What a host's agent says of its records, what lies on its disk, and what its gateway has taken: the three
// accounts that must agree after every fault.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSpoolDisk } from '../../agent/host/spool-disk.ts';
import { recoverSpool } from '../../agent/telemetry/spool/recovery.ts';
import { parseSegmentFileName } from '../../agent/telemetry/spool/segment.ts';
import type { LatestEpoch, LatestTelemetry } from '../../gateway/telemetry/intake.ts';
import { run } from '../../scripts/machine/command.ts';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';

export const spoolFolder = '/var/lib/regnode/spool';
const patience = { timeoutMs: 120_000, intervalMs: 200 };

interface AgentAccount {
  readonly produced: number;
  readonly acknowledged: number;
  readonly pending: number;
  readonly lost: number;
}

export class TelemetryAccount {
  readonly #sandbox: Sandbox;
  readonly #host: SandboxHost;
  /** Epochs of agents that have ended. */
  readonly #past = new Set<number>();
  #refusal: string | undefined;

  constructor(sandbox: Sandbox, host: SandboxHost) {
    this.#sandbox = sandbox;
    this.#host = host;
  }

  /**
   * As the gateway has it; as nothing while it does not answer, which is remembered for who waits in vain.
   */
  async gateway(): Promise<LatestTelemetry> {
    const { cloud } = this.#sandbox;
    const url = `${cloud.statusUrl}/nodes/${this.#host.name}`;
    const { stdout, stderr, exitCode } = await cloud.run('curl', ['-sSf', '--max-time', '5', url]);
    this.#refusal = exitCode === 0 ? undefined : `the gateway was asked in vain: ${stderr.trim()}`;
    const { latest } = JSON.parse(stdout || '{}') as { latest?: LatestTelemetry | null };
    return latest ?? { heartbeat: null, heartbeatAgeMs: null, series: 0, epochs: [] };
  }

  /** As the agent wrote it last, at most ten seconds ago. */
  async agent(): Promise<AgentAccount & { readonly tunnel: string; readonly writtenAtMs: number }> {
    const { stdout } = await this.#host.run('cat', ['/run/regnode/status.json']);
    const status = JSON.parse(stdout) as {
      telemetry: AgentAccount;
      tunnel: { state: string };
      writtenAtMs: number;
    };
    return { ...status.telemetry, tunnel: status.tunnel.state, writtenAtMs: status.writtenAtMs };
  }

  async agentWhen(
    what: string,
    isSo: (account: AgentAccount & { tunnel: string }) => boolean,
  ): Promise<AgentAccount> {
    return waitFor(
      what,
      async () => {
        const account = await this.agent().catch(() => undefined);
        return account !== undefined && isSo(account) ? account : undefined;
      },
      { ...patience, timeoutMs: 240_000 },
    );
  }

  /** The agent that runs now will not go on: what comes from now on is another epoch's. */
  async agentEnds(): Promise<void> {
    for (const { epoch } of (await this.gateway()).epochs) this.#past.add(epoch);
    for (const { epoch } of await this.#segments()) this.#past.add(epoch);
  }

  /**
   * Waits until nothing is left of earlier epochs and the gateway has exactly what the running
   * agent has produced, at two of its heartbeats; returns both accounts. A record too few or too
   * many would never get there.
   */
  async settled(): Promise<{
    agent: AgentAccount;
    epochs: readonly LatestEpoch[];
    lost: Record<string, number>;
  }> {
    let equalAtMs = 0;
    let last = '';
    return waitFor(
      'the accounts to agree',
      async () => {
        const { heartbeat, epochs } = await this.gateway();
        const own = epochs.filter(({ epoch }) => !this.#past.has(epoch));
        const newest = Math.max(...own.map(({ epoch }) => epoch));
        last = JSON.stringify({ ring: heartbeat?.ring, epochs });
        if (heartbeat === null) return undefined;
        if ((await this.#segments()).some(({ epoch }) => epoch !== newest)) return undefined;
        const known = own.reduce((sum, account) => sum + account.next - account.from, 0);
        if (known !== heartbeat.ring.produced) return undefined;
        if (equalAtMs === 0 || equalAtMs === heartbeat.sentAtMs) {
          equalAtMs = heartbeat.sentAtMs;
          return undefined;
        }
        const lost: Record<string, number> = {};
        for (const account of own) {
          for (const [reason, count] of Object.entries(account.lost))
            lost[reason] = (lost[reason] ?? 0) + count;
        }
        return { agent: heartbeat.ring, epochs, lost };
      },
      { ...patience, detail: () => this.#refusal ?? last },
    );
  }

  /**
   * What a start would find on the disk: for each epoch one more than the last sequence, and the
   * losses that it would report.
   */
  async onDisk(): Promise<{ next: Map<number, number>; damaged: number }> {
    const folder = await mkdtemp(join(tmpdir(), 'regnode-spool-'));
    try {
      // Through a pipe: the host may have mounted something there which the machine does not see.
      const packed = await this.#host.run('sh', [
        '-c',
        `cd ${spoolFolder} && tar -c --exclude=filler --exclude=lost+found . | base64 -w0`,
      ]);
      await run('sh', ['-c', `base64 -d | tar -x -C ${folder}`], { input: packed.stdout });
      const { segments, damaged } = await recoverSpool(openSpoolDisk(folder));
      const next = new Map<number, number>();
      // One that holds only descriptions has nothing to deliver.
      for (const { epoch, nextSequence } of segments.filter((one) => one.nextSequence > one.firstSequence))
        next.set(epoch, Math.max(next.get(epoch) ?? 0, nextSequence));
      return { next, damaged };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #segments() {
    const listed = await this.#host.run('ls', [spoolFolder]);
    return listed.stdout
      .split('\n')
      .map(parseSegmentFileName)
      .filter((segment) => segment !== undefined);
  }
}
