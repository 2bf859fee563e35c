// The daemon's life from its start to its end, on a host in a folder and with a gateway that only counts
// who knocks: nobody is called before all of the daemon stands, what a failed stage leaves is closed,
// and a stop ends everything.
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { encodeConfiguration } from '../../../../agent/config/configuration.ts';
import { paths } from '../../../../agent/config/paths.ts';
import { runDaemon } from '../../../../agent/daemon/daemon.ts';
import { systemClock } from '../../../../agent/host/clock.ts';
import type { Host } from '../../../../agent/host/host.ts';
import { writeIdentity } from '../../../../agent/identity/store.ts';
import { writeState } from '../../../../agent/state/state.ts';
import { readStatus } from '../../../../agent/state/status.ts';
import { fixtureHost } from '../../../fixtures/host.ts';
import { desiredState } from '../../../worlds/desired.ts';
import { createAuthority, until } from '../../tunnel/loopback.ts';

const logger = pino({ level: 'silent' });
let root: string;
let host: Host;
let gateway: Server;
let knocks: number;
let stop: AbortController;
/** The daemon has one, which collects. */
const threads = new Set<Worker>();
let begun: number;
const threadStarted = (thread: Worker) => {
  begun += 1;
  threads.add(thread);
  thread.once('exit', () => threads.delete(thread));
};

beforeEach(async () => {
  process.on('worker', threadStarted);
  [knocks, begun] = [0, 0];
  gateway = createServer((socket) => {
    knocks += 1;
    socket.on('error', () => {}).destroy();
  }).listen(0, '127.0.0.1');
  await once(gateway, 'listening');
  root = await mkdtemp(join(tmpdir(), 'regnode-daemon-'));
  host = fixtureHost(root, { clock: systemClock });
  stop = new AbortController();

  const gatewayUrl = `https://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
  const who = { gatewayUrl, nodeName: 'idc-1', pool: 'idc' };
  const authority = await createAuthority();
  const { keyPem, certificatePem } = await authority.issue('idc-1');
  const bootstrap = { apiServerUrl: 'https://10.77.0.1:6443', caPem: '', token: 'abcdef.0123456789abcdef' };
  for (const folder of ['/etc/regnode', paths.identity, paths.run])
    await mkdir(join(root, folder), { recursive: true });
  await host.files.write(paths.configuration, encodeConfiguration(who), { mode: 0o644 });
  await host.files.write(paths.key, keyPem, { mode: 0o600 });
  await writeIdentity(host, { certificatePem, caPem: authority.caPem });
  await writeState(host, {
    phase: 'Installing',
    identity: { ...who, address: '10.77.0.11', bootstrap },
    desired: desiredState,
    versions: {},
    settings: {},
    agentFailures: [],
  });
});

afterEach(async () => {
  process.off('worker', threadStarted);
  stop.abort();
  gateway.close();
  await rm(root, { recursive: true, force: true });
});

const run = (on: Host = host) => runDaemon(on, { logger, signal: stop.signal });

test('nobody is called before all of it stands; then the gateway is, and a stop ends everything', async () => {
  const asked = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  const readText: Host['files']['readText'] = async (path, limit) => {
    if (path === paths.status) {
      asked.resolve();
      await answered.promise;
    }
    return host.files.readText(path, limit);
  };
  const running = run({ ...host, files: { ...host.files, readText } });
  await asked.promise;
  // A connection on loopback takes less than this one.
  await knockOnce();
  expect(knocks).toBe(1);
  expect(threads.size).toBe(0);

  answered.resolve();
  await until(() => knocks > 1, 30_000);
  const told = { nodeName: 'idc-1', phase: 'Joining', defects: 0 };
  await expect.poll(() => readStatus(host), { timeout: 30_000 }).toMatchObject(told);
  expect(threads.size).toBe(1);

  stop.abort();
  await running;
  expect(threads.size).toBe(0);
});

test('a certificate that is none ends the start, and nobody was called', async () => {
  await host.files.write(paths.certificate, 'no certificate', { mode: 0o644 });
  await expect(run()).rejects.toThrow();
  await knockOnce();
  expect(knocks).toBe(1);
});

test('a stage that fails when collecting has begun ends that, too', async () => {
  const environment = {
    get NOTIFY_SOCKET(): string {
      throw new Error('no environment');
    },
  };
  await expect(run({ ...host, environment })).rejects.toThrow('no environment');
  expect(begun).toBe(1);
  expect(threads.size).toBe(0);
  await knockOnce();
  expect(knocks).toBe(1);
});

async function knockOnce(): Promise<void> {
  const before = knocks;
  connect((gateway.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  await until(() => knocks > before);
}
