// A transfer whose answer nobody reads, and one whose body never comes, over real TLS: each ends at
// its time limit as a refusal, and the port goes on. (A header that was set after the answer had begun
// used to end the gateway here.)
import { once } from 'node:events';
import tls, { type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lineRoutes } from '../../../../gateway/line/routes.ts';
import { LineSessions } from '../../../../gateway/line/sessions.ts';
import { Transfers } from '../../../../gateway/line/transfers.ts';
import { lineTicket, lineTicketHeader } from '../../../../protocol/line/session.ts';
import { openTestPort, type TestPort } from '../port.ts';

const secret = Buffer.alloc(32, 7);
const timeoutMs = 1000;

let gateway: TestPort;
let transfers: Transfers;
let ticket: string;
let refused: string[];

beforeEach(async () => {
  refused = [];
  transfers = new Transfers(Date.now, timeoutMs);
  const sessions = new LineSessions({
    secret: () => secret,
    udpPort: () => undefined,
    inboundPort: 1,
    now: Date.now,
  });
  const { session, expiresAtSeconds, keys } = sessions.open('127.0.0.1');
  ticket = lineTicket(session, expiresAtSeconds, Buffer.from(keys[0]?.key ?? '', 'base64'));
  gateway = await openTestPort(
    () => lineRoutes({ sessions, transfers, addressesOf: () => [], now: Date.now }),
    { onRefused: (fault) => refused.push(fault.code) },
  );
});
afterEach(() => gateway.port.close(0));

async function ask(head: string): Promise<TLSSocket> {
  const { port } = gateway.port.address;
  const socket = tls.connect({ port, host: '127.0.0.1', ca: gateway.authority.caPem });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  socket.pause();
  socket.write(`${head}\r\nHost: gateway\r\n${lineTicketHeader}: ${ticket}\r\nContent-Length: 10\r\n\r\n`);
  return socket;
}

test.each([
  ['a source whose answer is not read', 'GET /v1/line/source?bytes=16777216 HTTP/1.1'],
  ['a sink whose body does not come', 'POST /v1/line/sink HTTP/1.1'],
])('%s', async (_what, head) => {
  const socket = await ask(head);
  await expect.poll(() => transfers.running, { timeout: 20_000 }).toBe(1);
  await expect.poll(() => transfers.running, { timeout: 20_000 }).toBe(0);
  await expect.poll(() => refused, { timeout: 20_000 }).toEqual(['LINE_TRANSFER_TIMED_OUT']);
  const next = await ask('GET /v1/line/time HTTP/1.1');
  next.end();
  const [answer] = (await once(next.resume(), 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1.1 200 /);
  socket.destroy();
});
