// The end of a connection that is refused: its answer, a moment in which a peer of good will reads
// it and closes, and then the end all the same. A peer that neither reads nor closes would
// otherwise keep its socket for ever.
import type { Duplex } from 'node:stream';

const patienceMs = 1000;

export function endWith(socket: Duplex, answer: string): void {
  const cut = setTimeout(() => socket.destroy(), patienceMs);
  socket.once('close', () => clearTimeout(cut));
  socket.on('error', () => {});
  if (socket.writable) socket.end(answer);
  else socket.destroy();
}
