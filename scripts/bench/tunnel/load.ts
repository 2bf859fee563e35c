// The two ends of the benchmark's traffic, each in a process of its own: a target that sinks, sources or
// echoes as the first byte says, and a client that measures. Both are the same for all contenders, and all
// contenders are entered by TCP on loopback.
import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';

const blockBytes = 256 * 1024;
const block = Buffer.alloc(blockBytes, 0x5a);
const command = { sink: 0x55, source: 0x44, echo: 0x45 } as const;
const pingBytes = 64;

export async function startTarget(): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', (first) => serve(socket, first));
  });
  return listen(server);
}

/** On every loopback address; the port is the result. */
export async function listen(server: net.Server): Promise<number> {
  server.listen({ port: 0, host: '0.0.0.0', backlog: 4096 });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function serve(socket: Socket, first: Buffer): void {
  if (first[0] === command.sink) {
    let total = first.length - 1;
    socket.on('data', (chunk) => {
      total += chunk.length;
    });
    socket.on('end', () => socket.end(String(total)));
  } else if (first[0] === command.source) {
    const fill = () => {
      while (!socket.destroyed && socket.write(block));
    };
    socket.on('drain', fill);
    fill();
  } else {
    socket.write(first.subarray(1));
    socket.on('data', (chunk) => socket.write(chunk));
    socket.on('end', () => socket.end());
  }
}

export interface Moved {
  readonly bytes: number;
  readonly milliseconds: number;
}

/** Towards the target for about `seconds`: all that was sent has arrived when the clock stops. */
export async function upload(port: number, seconds: number): Promise<Moved> {
  const socket = await dial(port, command.sink);
  const startedMs = performance.now();
  while (performance.now() - startedMs < seconds * 1000) {
    if (!socket.write(block)) await once(socket, 'drain');
  }
  socket.end();
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString();
  });
  await once(socket, 'close');
  return { bytes: Number(answer), milliseconds: performance.now() - startedMs };
}

/** From the target. */
export function download(port: number, seconds: number): Promise<Moved> {
  return startDownload(port).after(seconds);
}

/**
 * Round trips of 64 bytes one after the other, beside a bulk download through `bulkPort` when there is one.
 */
export async function roundTrips(port: number, seconds: number): Promise<number[]> {
  const socket = await dial(port, command.echo);
  const times: number[] = [];
  const ping = Buffer.alloc(pingBytes, 1);
  const startedMs = performance.now();
  let sentMs = startedMs;
  let missing = pingBytes;
  const done = Promise.withResolvers<void>();
  socket.on('data', (chunk) => {
    missing -= chunk.length;
    if (missing > 0) return;
    const now = performance.now();
    times.push(now - sentMs);
    if (now - startedMs > seconds * 1000) {
      done.resolve();
      return;
    }
    missing = pingBytes;
    sentMs = now;
    socket.write(ping);
  });
  socket.write(ping);
  await done.promise;
  socket.destroy();
  return times;
}

function startDownload(port: number): {
  after(seconds: number): Promise<Moved>;
} {
  let bytes = 0;
  const buffer = Buffer.allocUnsafe(blockBytes);
  const socket = net.connect({
    port,
    host: '127.0.0.1',
    noDelay: true,
    onread: {
      buffer,
      callback(count: number) {
        bytes += count;
        return true;
      },
    },
  });
  socket.on('error', () => {});
  socket.write(Buffer.from([command.source]));
  const startedMs = performance.now();
  return {
    async after(seconds) {
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000 - (performance.now() - startedMs)));
      const result = { bytes, milliseconds: performance.now() - startedMs };
      socket.destroy();
      return result;
    },
  };
}

export function megabytesPerSecond({ bytes, milliseconds }: Moved): number {
  return bytes / 1e6 / (milliseconds / 1000);
}

async function dial(port: number, kind: number): Promise<Socket> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  await once(socket, 'connect');
  socket.write(Buffer.from([kind]));
  return socket;
}
