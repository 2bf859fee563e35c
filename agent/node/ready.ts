// Waits until the cluster sees the node as it should be: registered, its tunnel up, Ready. Says what is
// missing while it waits, and as the fault when the time is over.
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { NodeStatusResponse } from '../../protocol/messages/join.ts';
import type { Host } from '../host/host.ts';
import type { GatewayApi } from '../identity/gateway-api.ts';

const pollMs = 500;
/** Once the kubelet has registered the node: a few seconds are left, and somebody is watching. */
const closePollMs = 150;
const mostClosePolls = 100;

export interface ReadyOptions {
  readonly nodeName: string;
  readonly timeoutMs: number;
  readonly onWaiting: (detail: string) => void;
  readonly signal: AbortSignal;
}

export async function waitUntilReady(
  host: Host,
  gateway: Pick<GatewayApi, 'status'>,
  options: ReadyOptions,
): Promise<void> {
  const startedMs = host.clock.monotonicMs();
  let detail = 'nothing heard of it yet';
  let closePolls = 0;
  for (;;) {
    const { missing, isRegistered } = await ask(gateway, options.signal);
    if (missing === undefined) return;
    if (missing !== detail) options.onWaiting(missing);
    detail = missing;
    if (host.clock.monotonicMs() - startedMs > options.timeoutMs) break;
    const isClose = isRegistered && closePolls++ < mostClosePolls;
    await host.clock.sleep(isClose ? closePollMs : pollMs, options.signal);
  }
  const seconds = Math.round(options.timeoutMs / 1000);
  throw new Fault('NODE_NOT_READY', { name: options.nodeName, seconds, detail });
}

interface Answer {
  /** undefined when all is well. */
  readonly missing: string | undefined;
  readonly isRegistered: boolean;
}

/** A gateway that does not answer just now is one more thing to wait for. */
async function ask(gateway: Pick<GatewayApi, 'status'>, signal: AbortSignal): Promise<Answer> {
  try {
    const status = await gateway.status(signal);
    return { missing: whatIsMissing(status), isRegistered: status.ready !== 'Absent' };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Fault && error.code === 'GATEWAY_UNREACHABLE') {
      return { missing: error.message, isRegistered: false };
    }
    throw error;
  }
}

function whatIsMissing(status: NodeStatusResponse): string | undefined {
  if (!status.registered) return 'not registered';
  const missing = [
    ...(status.tunnelConnected ? [] : ['the tunnel is not up']),
    ...(status.ready === 'True' ? [] : [readyDetail(status)]),
  ];
  return missing.length === 0 ? undefined : missing.join('; ');
}

function readyDetail({ ready, readyMessage }: NodeStatusResponse): string {
  if (ready === 'Absent') return 'the kubelet has not registered the node';
  return `not Ready${readyMessage === '' ? '' : `: ${readyMessage}`}`;
}
