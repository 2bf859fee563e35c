// Who answers on this host: whether a local connection leads to a process of root's. A port of the kubelet
// belongs to whoever listens first while the kubelet is away, which any local user can be.
//
// Looking for one connection among all takes 40 ms of a thread's time on a host with 16,000. So that is done
// once for each start of a listener. A listener of root's that was known before a connection was begun, and
// still is there after it, is the one that has taken it, and finding that out takes less than a millisecond.
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Listener } from './listeners.ts';
import type { SocketAddress } from './socket-table.ts';

/** A connection that its listener has not taken yet is nobody's. */
const askAgainMs = 50;
/** More places than the agent ever asks. */
const placesLimit = 16;

/** Of a connection that is there: why it is not to be used, when no process of root's answers on it. */
export type Answering = (socket: Socket) => Promise<string | undefined>;

export interface Sockets {
  ownerOf(own: SocketAddress, other: SocketAddress): Promise<number | undefined>;
  listenerAt(address: SocketAddress): Promise<Listener | undefined>;
}

export class Answerers {
  readonly #sockets: Sockets;
  /**
   * Each place with the inode of root's listener. A new map for each change: who has the old one keeps it.
   */
  #listeners: ReadonlyMap<string, string> = new Map();

  constructor(sockets: Sockets) {
    this.#sockets = sockets;
  }

  /** To be called before the connection is begun; what it gives is asked when it is there. */
  beforeDial(): Answering {
    const known = this.#listeners;
    return (socket) => this.#strangerAt(socket, known);
  }

  async #strangerAt(socket: Socket, known: ReadonlyMap<string, string>): Promise<string | undefined> {
    const [other] = endsOf(socket);
    const place = `${other.address}:${other.port}`;
    const listener = await this.#sockets.listenerAt(other);
    if (listener?.uid === 0 && listener.inode === known.get(place)) return undefined;
    const uid = await this.#answererOf(socket);
    if (uid !== 0) return `a process of ${uid === undefined ? 'nobody' : `uid ${uid}`} answers there`;
    if (listener?.uid === 0) this.#remember(place, listener.inode);
    return undefined;
  }

  #remember(place: string, inode: string): void {
    const others = [...this.#listeners].filter(([other]) => other !== place);
    this.#listeners = new Map([...others.slice(-placesLimit + 1), [place, inode]]);
  }

  /** undefined when the connection ended before anybody had taken it; the caller ends it in time. */
  async #answererOf(socket: Socket): Promise<number | undefined> {
    const [other, own] = endsOf(socket);
    while (!socket.destroyed) {
      const uid = await this.#sockets.ownerOf(other, own);
      if (uid !== undefined) return uid;
      await sleep(askAgainMs, undefined, { ref: false });
    }
    return undefined;
  }
}

function endsOf({ remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 }: Socket) {
  return [
    { address: remoteAddress, port: remotePort },
    { address: localAddress, port: localPort },
  ] as const;
}
