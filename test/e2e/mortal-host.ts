// A host whose agent dies where it is told to (mortal-agent.ts): what e2e crash does at every moment of a
// join and a leave, and e2e links at some.
import { cp } from 'node:fs/promises';
import { expect } from 'vitest';
import { bundle } from '../../scripts/build/bundle.ts';
import type { CommandResult } from '../../scripts/machine/command.ts';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { createJoinCommand, pasteJoinCommand } from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';

export type Verb = 'join' | 'leave';
type Environment = Readonly<Record<string, string>>;

export class MortalAgents {
  readonly #sandbox: Sandbox;
  readonly #folder: string;
  readonly #command: string;

  private constructor(sandbox: Sandbox, folder: string, command: string) {
    this.#sandbox = sandbox;
    this.#folder = folder;
    this.#command = command;
  }

  /** `folder` is the caller's, for the program. */
  static async create(sandbox: Sandbox, folder: string): Promise<MortalAgents> {
    await bundle('test/e2e/mortal-agent.ts', folder, '0.0.0-mortal');
    const command = await createJoinCommand(sandbox, ['--uses', '1000', '--ttl', '12h']);
    return new MortalAgents(sandbox, folder, command);
  }

  /** Joined and left once: then the program is there, and nothing else. */
  async prepare(host: SandboxHost): Promise<void> {
    await host.run('mkdir', ['-p', '/root/mortal']);
    await cp(this.#folder, host.path('/root/mortal'), { recursive: true });
    const fetch = `curl -fsSk ${this.#sandbox.cloud.gatewayUrl}/cacert > /root/mortal/ca.pem`;
    await host.run('sh', ['-c', fetch]);
    const joined = await pasteJoinCommand(host, this.#command);
    expect(joined, joined.stdout + joined.stderr).toMatchObject({ exitCode: 0 });
    await this.completes(host, 'leave');
  }

  run(host: SandboxHost, verb: Verb, death: string, environment: Environment = {}): Promise<CommandResult> {
    const key = /--artifact-key-sha256 (\w+)/.exec(this.#command)?.[1] ?? '';
    const gateway = ['--gateway', this.#sandbox.cloud.gatewayUrl, '--ca-file', '/root/mortal/ca.pem'];
    // Whether the node becomes Ready is not the point here, and nobody waits for it.
    const args =
      verb === 'join'
        ? ['join', ...gateway, '--artifact-key-sha256', key, '--timeout', '0', '--json']
        : ['leave', '--yes', '--json'];
    const token = /REGNODE_TOKEN=(\S+)/.exec(this.#command)?.[1] ?? '';
    return host.run('/opt/regnode/bin/node', ['/root/mortal/main.js', death, ...args], {
      timeoutMs: 180_000,
      environment: { REGNODE_TOKEN: token, ...environment },
    });
  }

  /** The next run: it may find the daemon at work for a moment, and waits for it. */
  completes(host: SandboxHost, verb: Verb, environment: Environment = {}, what = ''): Promise<unknown> {
    return waitFor(
      `${verb} to complete after ${what}`,
      async () => {
        const result = await this.run(host, verb, 'never', environment);
        const said = `${result.stdout}${result.stderr}`;
        if (result.exitCode === 4) return false;
        const isDone =
          result.exitCode === 0 ||
          (verb === 'join' && said.includes('NODE_NOT_READY')) ||
          (verb === 'leave' && said.includes('NOT_JOINED'));
        expect(isDone, `${verb} after ${what}: ${said}`).toBe(true);
        return true;
      },
      { timeoutMs: 120_000, intervalMs: 500 },
    );
  }
}
