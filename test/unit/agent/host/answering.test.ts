// A port of the kubelet that somebody else of the host has taken while the kubelet was away.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { get } from '../../../../agent/host/get.ts';
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

test('a process of another user is asked nothing', async () => {
  const asking = get(url, options, { ownerOf: async () => 1000 });
  await expect(asking).rejects.toMatchObject({
    code: 'EACCES',
    message: 'a process of uid 1000 answers there',
  });
  expect(asked).toBe(0);
});

test('one that has not taken the connection yet is waited for', async () => {
  const owners = [undefined, undefined, 0];
  const answer = await get(url, options, { ownerOf: async () => owners.shift() });
  expect(answer).toEqual({ status: 200, body: 'ok' });
});

test('one that never takes it is given up in time', async () => {
  const network = { ownerOf: async () => undefined };
  await expect(get(url, { ...options, timeoutMs: 300 }, network)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  expect(asked).toBe(0);
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
