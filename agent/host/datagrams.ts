// UDP sockets for probes. Times are taken first thing in the callback: what lies between the packet and that
// is the event loop's, and whoever measures takes the shortest of many.
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { DatagramOptions, DatagramSocket } from './host.ts';

export async function openDatagrams(options: DatagramOptions): Promise<DatagramSocket> {
  const { port, localAddress, onDatagram } = options;
  const socket = createSocket({ type: isIPv6(localAddress) ? 'udp6' : 'udp4' });
  const bound = Promise.withResolvers<void>();
  socket.once('error', bound.reject);
  socket.bind({ port, address: localAddress, exclusive: true }, () => bound.resolve());
  try {
    await bound.promise;
  } catch (error) {
    socket.close();
    throw error;
  }
  // An ICMP error that came back belongs to no call; what is lost is noticed by who waits for an answer.
  socket.off('error', bound.reject).on('error', () => {});
  socket.on('message', (bytes, from) => {
    const [receivedAtMs, receivedMonotonicMs] = [Date.now(), performance.now()];
    onDatagram({ bytes, address: from.address, port: from.port, receivedAtMs, receivedMonotonicMs });
  });
  return {
    port: socket.address().port,
    send: (bytes, to) =>
      new Promise((resolve, reject) => {
        socket.send(bytes, to.port, to.address, (error) => (error ? reject(error) : resolve()));
      }),
    close: () => new Promise((resolve) => socket.close(resolve)),
  };
}
