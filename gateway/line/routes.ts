// The HTTPS part of line probes, as routes of the public port. A session needs nothing but a
// connection (a host that has not joined has nothing else); what costs bytes needs a ticket of a
// session of the same address.
import type { IncomingMessage } from 'node:http';
import { Fault } from '../../protocol/catalogue/fault.ts';
import {
  lineSessionPath,
  lineSinkPath,
  lineSourcePath,
  lineTicketHeader,
  lineTimePath,
} from '../../protocol/line/session.ts';
import { answerJson } from '../port/answer.ts';
import type { Exchange, Route } from '../port/route.ts';
import type { LineSessions } from './sessions.ts';
import type { Transfers } from './transfers.ts';

export interface LineRoutesOptions {
  readonly sessions: LineSessions;
  readonly transfers: Transfers;
  readonly addressesOf: (node: string) => readonly string[];
  readonly now: () => number;
}

export function lineRoutes(options: LineRoutesOptions): readonly Route[] {
  const { sessions, transfers, addressesOf, now } = options;
  const requireTicket = ({ request, address }: Exchange) => {
    const ticket = request.headers[lineTicketHeader];
    if (!sessions.isTicketOf(address, typeof ticket === 'string' ? ticket : undefined)) {
      throw new Fault('LINE_TICKET_REFUSED', { address });
    }
  };
  return [
    {
      methods: ['POST'],
      path: lineSessionPath,
      access: 'anybody',
      run: ({ request, response, address }) => {
        request.resume();
        answerJson(response, 200, sessions.open(address));
      },
    },
    {
      methods: ['POST'],
      path: `/v1/node${lineSessionPath.slice(3)}`,
      access: 'node',
      run: ({ request, response, address }, node) => {
        request.resume();
        answerJson(
          response,
          200,
          sessions.open(address, { name: node.name, addresses: addressesOf(node.name) }),
        );
      },
    },
    {
      methods: ['GET'],
      path: lineTimePath,
      access: 'anybody',
      run: (exchange) => {
        const receivedAtMs = now();
        requireTicket(exchange);
        answerJson(exchange.response, 200, { receivedAtMs, answeredAtMs: now() });
      },
    },
    {
      methods: ['GET'],
      path: lineSourcePath,
      access: 'anybody',
      run: async (exchange) => {
        requireTicket(exchange);
        const { request, response, address } = exchange;
        const asked = new URL(request.url ?? '/', 'https://gateway').searchParams.get('bytes');
        await transfers.source(address, Number(asked), response);
      },
    },
    {
      methods: ['POST'],
      path: lineSinkPath,
      access: 'anybody',
      run: async (exchange) => {
        requireTicket(exchange);
        const { request, response, address } = exchange;
        answerJson(response, 200, await transfers.sink(address, lengthOf(request), request));
      },
    },
  ];
}

/** What is to come must be said before: it is what the address pays for. */
function lengthOf(request: IncomingMessage): number {
  return Number(request.headers['content-length'] ?? Number.NaN);
}
