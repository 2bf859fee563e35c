// A port of the kubelet that somebody else of the host has taken while the kubelet was away.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Answerers } from '../../../../agent/host/answering.ts';
import { get } from '../../../../agent/host/get.ts';
import type { Listener } from '../../../../agent/host/listeners.ts';
import { systemNetwork } from '../../../../agent/host/network.ts';

let server: Server;
let asked: number;
let url: string;
beforeEach(async () => {
  asked = 0;
  server = createServer((_request, response) => {
    asked += 1;
    response.end('ok');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/healthz`;
});
afterEach(() => server.close());

const options = { timeoutMs: 20_000, rootOnly: true };
const isRoot = process.getuid?.() === 0;

/** Who holds the other end of each connection that is looked for, and which socket listens. */
function answerers(owners: (number | undefined)[], listener: () => Listener | undefined = () => undefined) {
  let looked = 0;
  const made = new Answerers({
    ownerOf: async () => {
      looked += 1;
      return owners.length > 1 ? owners.shift() : owners[0];
    },
    listenerAt: async () => listener(),
  });
  return { made, looked: () => looked };
}

test('a process of another user is asked nothing', async () => {
  const asking = get(url, options, answerers([1000]).made);
  await expect(asking).rejects.toMatchObject({
    code: 'EACCES',
    message: 'a process of uid 1000 answers there',
  });
  expect(asked).toBe(0);
});

test('one that has not taken the connection yet is waited for', async () => {
  expect(await get(url, options, answerers([undefined, undefined, 0]).made)).toEqual({
    status: 200,
    body: 'ok',
  });
});

test('one that never takes it is given up in time', async () => {
  const asking = get(url, { ...options, timeoutMs: 300 }, answerers([undefined]).made);
  await expect(asking).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  expect(asked).toBe(0);
});

test("root's listener that was known before is not looked for again, until it is another one", async () => {
  let listener: Listener | undefined = { uid: 0, inode: '7' };
  const { made, looked } = answerers([0], () => listener);
  const ask = () => get(url, options, made);
  await ask();
  await ask();
  await ask();
  expect(looked()).toBe(1);
  listener = { uid: 0, inode: '8' };
  await ask();
  await ask();
  expect(looked()).toBe(2);
  listener = { uid: 1000, inode: '9' };
  await ask(); // its connection is root's all the same
  await ask();
  expect(looked()).toBe(4);
  // The kernel gives numbers again, and any user may wait for one.
  listener = { uid: 1000, inode: '8' };
  await ask();
  expect(looked()).toBe(5);
});

test('a connection that was begun before its listener was known is looked for', async () => {
  const { made, looked } = answerers([0, 0, 1000], () => ({ uid: 0, inode: '7' }));
  const early = made.beforeDial();
  await get(url, options, made);
  await get(url, options, made);
  expect(looked()).toBe(1);
  const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  expect(await early(socket)).toBeUndefined();
  expect(looked()).toBe(2);
  expect(await early(socket)).toBe('a process of uid 1000 answers there');
  socket.destroy();
});

test.runIf(isRoot)("root's own is asked", async () => {
  expect(await systemNetwork.get(url, options)).toEqual({ status: 200, body: 'ok' });
});

test.runIf(isRoot)('of a real other user', async () => {
  const script =
    "const server = require('http').createServer((_, response) => response.end('ok'));" +
    "server.listen(0, '127.0.0.1', () => console.log(server.address().port))";
  const child = spawn('setpriv', ['--reuid=65534', '--clear-groups', process.execPath, '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const port = String((await once(child.stdout, 'data'))[0]).trim();
    const place = `http://127.0.0.1:${port}/healthz`;
    expect(await systemNetwork.get(place, { timeoutMs: 20_000 })).toEqual({ status: 200, body: 'ok' });
    await expect(systemNetwork.get(place, options)).rejects.toMatchObject({
      code: 'EACCES',
      message: 'a process of uid 65534 answers there',
    });
  } finally {
    child.kill();
  }
});
