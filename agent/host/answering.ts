// Who answers on this host: the uid at the other end of a local connection. A port of the kubelet belongs to
// whoever listens first while the kubelet is away, which any local user can be.
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostNetwork } from './host.ts';

/** A connection that its listener has not taken yet is nobody's. */
const askAgainMs = 50;

/** undefined when the connection ended before anybody had taken it; the caller ends it in time. */
export async function answererOf(
  socket: Socket,
  network: Pick<HostNetwork, 'ownerOf'>,
): Promise<number | undefined> {
  const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = socket;
  const other = { address: remoteAddress, port: remotePort };
  const own = { address: localAddress, port: localPort };
  while (!socket.destroyed) {
    const uid = await network.ownerOf(other, own);
    if (uid !== undefined) return uid;
    await sleep(askAgainMs, undefined, { ref: false });
  }
  return undefined;
}

/** Why what answers is not to be spoken to, when it is no process of root's. */
export async function strangerAt(
  socket: Socket,
  network: Pick<HostNetwork, 'ownerOf'>,
): Promise<string | undefined> {
  const uid = await answererOf(socket, network);
  return uid === 0 ? undefined : `a process of ${uid === undefined ? 'nobody' : `uid ${uid}`} answers there`;
}
