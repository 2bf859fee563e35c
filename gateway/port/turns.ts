// One request of a connection at a time. Node begins every request as soon as its head has come, also when a
// peer sends a thousand behind each other and reads no answer; each would hold a file, a buffer or a question
// to the API server. Here the next one begins when the answer to the one before has gone. A few heads may
// wait; who sends more behind them is cut off.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export type Begin = (request: IncomingMessage, response: ServerResponse) => void;

/** For `request` of a server. `cut` hears once of each connection that had more waiting than `limit`. */
export function inTurn(begin: Begin, limit: number, cut: () => void): Begin {
  /** Of each connection on which something is under way: what waits behind it. */
  const waiting = new WeakMap<Socket, (() => void)[]>();
  return (request, response) => {
    const { socket } = request;
    if (socket.destroyed) return;
    const start = () => {
      response.once('close', () => {
        const next = waiting.get(socket)?.shift();
        if (next === undefined || socket.destroyed) waiting.delete(socket);
        else next();
      });
      begin(request, response);
    };
    const behind = waiting.get(socket);
    if (behind === undefined) {
      waiting.set(socket, []);
      start();
    } else if (behind.length < limit) behind.push(start);
    else {
      cut();
      socket.destroy();
    }
  };
}
