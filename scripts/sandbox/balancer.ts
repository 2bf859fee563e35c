// `node balancer.ts LISTEN BACKEND …`: a TCP balancer as a cloud has it before the gateway. Connections go
// to the backends in turns; one that refuses is passed over. It knows no TLS, ends each direction by
// itself, and passes a reset on.

import net, { type Socket } from 'node:net';
import { background } from '../../protocol/defect.ts';

const connectTimeoutMs = 1000;

interface Address {
  readonly host: string;
  readonly port: number;
}

const [listen, ...backends] = process.argv.slice(2).map(parse);
if (!listen || backends.length === 0) {
  process.stderr.write('usage: node balancer.ts LISTEN BACKEND ...\n');
  process.exit(2);
}
let turn = 0;
const server = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (client) => {
  client.on('error', () => undefined);
  turn += 1;
  const order = backends.map((_backend, index) => backends[(turn + index) % backends.length] as Address);
  background('balancer', join(client, order));
});
server.listen(listen);

async function join(client: Socket, order: readonly Address[]): Promise<void> {
  for (const address of order) {
    const backend = await connect(address);
    if (!backend) continue;
    link(client, backend);
    link(backend, client);
    return;
  }
  client.resetAndDestroy();
}

function connect(address: Address): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect({ ...address, allowHalfOpen: true, noDelay: true });
    socket.setTimeout(connectTimeoutMs, () => socket.destroy());
    socket.on('error', () => undefined);
    socket.once('connect', () => {
      socket.setTimeout(0);
      resolve(socket);
    });
    socket.once('close', () => resolve(undefined));
  });
}

function link(from: Socket, to: Socket): void {
  from.pipe(to);
  from.on('close', (hadError) => {
    if (hadError) to.resetAndDestroy();
    else if (!from.readableEnded) to.destroy();
  });
}

function parse(text: string): Address {
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at), port: Number(text.slice(at + 1)) };
}
