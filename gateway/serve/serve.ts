// The gateway's life. Each stage takes what the stages before it gave and gives what the next ones
// need; the doors open last, so whoever gets an answer gets it from a gateway that is whole. One is
// open from the start: the API server may need its way through us before it can answer us. What a stage
// opens is closed in the reverse order, at the end as after a stage that failed. An API server that is
// away for a while ends nothing.
import type { Logger } from 'pino';
import type { ClusterConnection } from '../kubernetes/connect.ts';
import { openApiServerDoor } from './api-server-door.ts';
import { openDoors } from './doors.ts';
import { type Given, stopped } from './given.ts';
import { layGround } from './ground.ts';
import { findNeighbours } from './neighbours.ts';
import type { ServeOptions } from './options.ts';
import { openRecords } from './records.ts';
import { openSessions } from './sessions.ts';
import { startUpkeep } from './upkeep.ts';

/** Resolves when everything has ended after `signal`. `started` hears the addresses in use. */
export async function serve(
  options: ServeOptions,
  connection: ClusterConnection,
  logger: Logger,
  signal: AbortSignal,
  started: (addresses: { publicPort: number; statusPort: number }) => void = () => {},
): Promise<void> {
  await using life = new AsyncDisposableStack();
  const { kubernetes } = connection;
  const apiServerUrl = options.apiServerUrl ?? connection.apiServerUrl;
  const given: Given = {
    ...{ options, connection, kubernetes, apiServerUrl },
    ...{ logger, now: Date.now, signal, life },
  };
  try {
    const records = openRecords(given);
    const apiServerDoor = await openApiServerDoor({ ...given, ...records });
    const ground = await layGround(given);
    const sessions = await openSessions({ ...given, ...ground, ...records });
    const neighbours = await findNeighbours({ ...given, ...ground, ...records, ...sessions });
    const known = { ...given, ...ground, ...records, ...sessions, ...neighbours };
    const upkeep = await startUpkeep(known);
    const doors = await openDoors({ ...known, ...upkeep, apiServerDoor });

    started({ publicPort: doors.publicPort.port, statusPort: doors.statusPort.port });
    const { caSha256 } = ground.authority;
    logger.info({ listen: doors.publicPort, metrics: doors.statusPort, caSha256 }, 'gateway is ready');
    await Promise.race([stopped(signal), neighbours.replicas.taken]);
  } catch (error) {
    // Told to stop before it was ready: nothing has failed.
    if (!signal.aborted || error !== signal.reason) throw error;
  }
  logger.info('stopping');
}
