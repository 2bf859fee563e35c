// The sandboxes that tests begin with, copied from a template: one that only wants hosts, and one whose host
// has joined. Each is the caller's own, to break as it likes, and to stop.
//
//   sandbox = await startReadySandbox({ name: 'e2e-join' });               gateway, pool idc; addHost
//   ({ sandbox, host } = await startJoinedSandbox({ name: 'e2e-logs' }));  and idc-1 in it, Ready
import type { SandboxHost } from './host.ts';
import { spend } from './ledger.ts';
import { readyCondition, startGatewayAndPool } from './registration.ts';
import { type Sandbox, startSandbox } from './sandbox.ts';
import { sandboxTemplate, type TemplateKind, templateHost } from './template.ts';
import { waitFor } from './wait.ts';

export interface ReadyOptions {
  readonly name: string;
  /** Options of `regnodectl pool create`. */
  readonly pool?: readonly string[];
  /** Options of the gateway; false: it is not started, which is the caller's. */
  readonly gateway?: readonly string[] | false;
}

export interface JoinedOptions extends Omit<ReadyOptions, 'pool'> {
  /**
   * Instead of `gateway`: starts what stands for it, beside the boot of the host, which then waits the least.
   */
  readonly startGateways?: (sandbox: Sandbox) => Promise<unknown>;
}

export interface JoinedSandbox {
  readonly sandbox: Sandbox;
  readonly host: SandboxHost;
}

/**
 * What startSandbox and startGatewayWithPool make, from a copy. Without a gateway there is no pool either.
 */
export function startReadySandbox(options: ReadyOptions): Promise<Sandbox> {
  const { name, pool = [], gateway = [] } = options;
  return fromTemplate('cluster', name, async (sandbox) => {
    if (gateway !== false) await startGatewayAndPool(sandbox, pool, gateway);
    return sandbox;
  });
}

/**
 * Its host joined some time ago, was off since, and is booted now. With `gateway: false` it
 * is booted and not waited for.
 */
export function startJoinedSandbox(options: JoinedOptions): Promise<JoinedSandbox> {
  const { name, startGateways } = options;
  const gateway = startGateways === undefined ? (options.gateway ?? []) : false;
  return fromTemplate('joined', name, async (sandbox) => {
    const sinceMs = Date.now();
    const [host] = await Promise.all([
      sandbox.addHost({ name: templateHost }),
      gateway === false ? startGateways?.(sandbox) : sandbox.cloud.startGateway(gateway),
    ]);
    if (gateway !== false) await waitUntilHeard(sandbox, sinceMs);
    return { sandbox, host };
  });
}

/** The Node of the copy says Ready from the beginning: what counts is what the kubelet said since. */
export function waitUntilHeard(
  sandbox: Sandbox,
  sinceMs: number,
  statusUrl = sandbox.cloud.statusUrl,
): Promise<unknown> {
  const heard = async () => {
    const said = await readyCondition(sandbox, templateHost);
    if (said?.status !== 'True') return false;
    return Date.parse(said.lastHeartbeatTime) >= sinceMs - (sinceMs % 1000);
  };
  const connected = async () => {
    const asked = await sandbox.cloud.run('curl', [
      '-s',
      '--max-time',
      '5',
      `${statusUrl}/nodes/${templateHost}`,
    ]);
    return /"connected":\s*true/.test(asked.stdout);
  };
  const isBack = async () => (await connected()) && (await heard());
  return spend('join', () =>
    waitFor('the joined host to be back', isBack, {
      timeoutMs: 120_000,
      intervalMs: 500,
      detail: () => sandbox.host(templateHost).logs(),
    }),
  );
}

async function fromTemplate<T>(
  kind: TemplateKind,
  name: string,
  prepare: (sandbox: Sandbox) => Promise<T>,
): Promise<T> {
  const template = await spend('cluster', () => sandboxTemplate(kind));
  const sandbox = await startSandbox({ name, template });
  try {
    return await prepare(sandbox);
  } catch (error) {
    await sandbox.stop();
    throw error;
  }
}
