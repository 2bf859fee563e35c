// Which socket listens where on this host. The tables of sockets begin with those that listen, so this costs
// less than a millisecond however many connections there are. Where very many listen the kernel is asked for
// the one.
import { type AskSocket, anybody, exactSocket } from './exact-socket.ts';
import { hexOf, mapped, parseRow, rows, type SocketAddress, socketTables } from './socket-table.ts';

export interface Listener {
  readonly uid: number;
  /** No other socket has it as long as it is open; after that, once the kernel's 32-bit counter is round. */
  readonly inode: string;
}

const listening = '0A';
/** More than a host with a thousand pods has; any user can make hundreds of thousands. */
const manyRows = 4096;
const anyAddress = '0.0.0.0';
const anyAddress6 = '0'.repeat(32);

/** The one that a connection to `address` comes to; undefined when nobody listens there. */
export async function listenerAt(
  { address, port }: SocketAddress,
  tables: readonly string[] = socketTables,
  askExactly: AskSocket = exactSocket(),
): Promise<Listener | undefined> {
  const [exact, any] = [hexOf({ address, port }), hexOf({ address: anyAddress, port })];
  if (exact === undefined || any === undefined) return undefined;
  // As the kernel chooses: the one with the address before the one with any.
  const places = [exact, `${mapped}${exact}`, any, `${anyAddress6}${any.slice(any.indexOf(':'))}`];
  const found = new Map<string, Listener>();
  for (const table of tables) {
    let rowsLeft = manyRows;
    for await (const { own, state, uid, inode } of listeners(table)) {
      rowsLeft -= 1;
      const one = rowsLeft === 0 ? askExactly({ address, port }, anybody) : undefined;
      if (one !== undefined) return one;
      if (state === listening && places.includes(own)) found.set(own, { uid, inode });
    }
  }
  return found.get(places.find((place) => found.has(place)) ?? '');
}

async function* listeners(table: string) {
  let isHead = true;
  for await (const text of rows(table)) {
    const row = parseRow(text);
    if (row.state === listening) yield row;
    else if (!isHead) return;
    isHead = false;
  }
}
