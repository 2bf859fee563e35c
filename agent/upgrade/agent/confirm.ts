// A new agent's first duty: to say that it is well, which it is when the gateway sees its tunnel. Until then
// the guard may put the old one back at any moment.
import type { Logger } from 'pino';
import { endTrial, readTrial } from '../../components/agent/trial.ts';
import type { Host } from '../../host/host.ts';
import type { GatewayApi } from '../../identity/gateway-api.ts';
import { agentVersion } from '../../version.ts';
import { currentRelease, removeOtherReleases } from './release.ts';

const pollMs = 1000;
const askTimeoutMs = 10_000;

export interface ConfirmOptions {
  readonly gateway: Pick<GatewayApi, 'status'>;
  readonly isConnected: () => boolean;
  readonly onConfirmed: () => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export async function confirmAgent(host: Host, options: ConfirmOptions): Promise<void> {
  const { gateway, isConnected, onConfirmed, logger, signal } = options;
  const trial = await readTrial(host);
  if (trial?.artifact.version !== agentVersion || (await currentRelease(host)) !== trial.to) return;
  logger.info({ from: trial.fromVersion, to: agentVersion }, 'this agent is on trial');
  while (!signal.aborted) {
    if (isConnected() && (await isSeen(gateway))) {
      await endTrial(host);
      logger.info({ from: trial.fromVersion, to: agentVersion }, 'this agent stays');
      onConfirmed();
      await removeOtherReleases(host, [trial.from, trial.to]);
      return;
    }
    await host.clock.sleep(pollMs, signal).catch(() => undefined);
  }
}

async function isSeen(gateway: Pick<GatewayApi, 'status'>): Promise<boolean> {
  try {
    const { registered, tunnelConnected } = await gateway.status(AbortSignal.timeout(askTimeoutMs));
    return registered && tunnelConnected;
  } catch {
    return false;
  }
}
