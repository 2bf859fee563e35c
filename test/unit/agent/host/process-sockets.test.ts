// Which sockets a process has open, of a real process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ProcessSockets } from '../../../../agent/host/process-sockets.ts';
import { SocketOwners } from '../../../../agent/host/socket-owners.ts';

let server: Server;
let port: number;
beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as { port: number }).port;
});
afterEach(() => server.close());

async function inodeOf(accepted: Socket): Promise<string> {
  const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = accepted;
  const ends = [
    { address: remoteAddress, port: remotePort },
    { address: localAddress, port: localPort },
  ] as const;
  return (await new SocketOwners().holderOf(...ends))?.inode ?? '';
}

test('its own are, those of another are not, and a process that is not there has none', async () => {
  const script = `require('net').connect(${port}, '127.0.0.1')`;
  const child = spawn(process.execPath, ['-e', script], { stdio: 'inherit' });
  const [accepted] = (await once(server, 'connection')) as [Socket];
  try {
    const inode = await inodeOf(accepted);
    expect(inode).toMatch(/^[1-9]\d*$/);
    const of = (pid: number | undefined) => new ProcessSockets(async () => pid).has(inode);
    expect(await of(child.pid)).toBe(true);
    expect(await of(process.pid)).toBe(false);
    expect(await of(undefined)).toBe(false);
    expect(await of(2 ** 22 + 1)).toBe(false);
  } finally {
    child.kill();
    accepted.destroy();
  }
});

test('a thousand who ask at once are answered by a few readings', async () => {
  let asked = 0;
  const sockets = new ProcessSockets(async () => {
    asked += 1;
    return process.pid;
  });
  const answers = await Promise.all(Array.from({ length: 1000 }, () => sockets.has('1')));
  expect(new Set(answers)).toEqual(new Set([false]));
  expect(asked).toBe(1);
});
