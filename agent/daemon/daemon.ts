// `regnode run`, the long-running agent, until a signal ends it or the gateway says that the node
// leaves. Each stage takes what the stages before it gave; nothing listens and nobody is called before
// all of them stand. It owns no policy of its own: what to do comes from the desired state of the
// gateway, how to do it from the engine.
import type { Logger } from 'pino';
import { keepRecord } from '../doctor/keep-record.ts';
import type { Host } from '../host/host.ts';
import { confirmAgent } from '../upgrade/agent/confirm.ts';
import { agentVersion } from '../version.ts';
import { keepSmall } from './footprint.ts';
import { countDefects, type Given } from './given.ts';
import { type Link, prepareLink } from './link.ts';
import { type Observation, observe } from './observation.ts';
import { takeOrders } from './orders.ts';
import { apiServerAccess, readSelf, type Self } from './self.ts';
import { prepareUpkeep, type Upkeep } from './upkeep.ts';
import { openVoice, type Voice } from './voice.ts';

export interface DaemonOptions {
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export async function runDaemon(host: Host, options: DaemonOptions): Promise<void> {
  const { logger } = options;
  await using life = new AsyncDisposableStack();
  const end = new AbortController();
  const signal = AbortSignal.any([options.signal, end.signal]);
  const given: Given = { host, logger, signal, life, defects: countDefects(logger, life) };
  try {
    const self = await readSelf(given);
    life.defer(() => logger.info('regnode has stopped'));
    const link = prepareLink({ ...given, ...self });
    const upkeep = prepareUpkeep({ ...given, ...self, ...link });
    const observation = observe({ ...given, ...self, ...link, ...upkeep });
    const known = { ...given, ...self, ...link, ...upkeep, ...observation };
    const voice = openVoice(known);
    takeOrders({ ...known, ...voice });

    await openDoors({ ...known, ...voice });
    await untilStopped(known);
  } finally {
    end.abort();
  }
}

type Known = Given & Self & Link & Upkeep & Observation;

/** The kubelet's way first: a join starts the kubelet as soon as systemd has heard that we run. */
async function openDoors({ logger, configuration, course, apiServer, tunnel, begin }: Known & Voice) {
  const { gatewayUrl, nodeName, pool } = configuration;
  logger.info({ node: nodeName, pool, gateway: gatewayUrl, version: agentVersion }, 'regnode is running');
  await apiServer.setAccess(apiServerAccess(course));
  tunnel.connect();
  await begin();
}

async function untilStopped(parts: Known): Promise<void> {
  const { host, logger, signal, gateway, tunnel, renewal, health, reconciler, facts, presence } = parts;
  const trial = confirmAgent(host, {
    ...{ gateway, logger, signal },
    isConnected: () => tunnel.state === 'Open',
    onConfirmed: () => reconciler.wake(),
  });
  await Promise.all([
    trial,
    reconciler.run(),
    renewal.run(),
    health.run(),
    facts.run(),
    presence.run(),
    keepRecord(host, { logger, signal }),
    keepSmall({ logger, signal, wait: (ms) => host.clock.sleep(ms, signal).catch(() => undefined) }),
  ]);
}
