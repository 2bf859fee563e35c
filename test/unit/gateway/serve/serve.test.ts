// The gateway's life from its start to its end: every socket of a real gateway on a loopback address of its
// own, before it is ready, while it is, after a stage that failed, and after it was told to stop. Only the
// Kubernetes API is in memory.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { customResourceDefinitions, leases, nodes } from '../../../../gateway/kubernetes/kinds.ts';
import { KubernetesFailure } from '../../../../gateway/kubernetes/kubernetes.ts';
import { resourceDefinitions } from '../../../../gateway/resources/definitions.ts';
import { registeredNodes } from '../../../../gateway/resources/registered-node.ts';
import { parseServeOptions } from '../../../../gateway/serve/options.ts';
import { serve } from '../../../../gateway/serve/serve.ts';
import { signManifest, testKey } from '../../../worlds/signing.ts';
import { type MemoryKubernetes, memoryKubernetes } from '../memory-kubernetes.ts';

/** Nobody else's, so that the ports can be known before anything listens on them. */
const host = `127.91.${(process.pid >> 8) & 0xff}.${process.pid & 0xff || 1}`;
const ports = { public: 8443, status: 9464, replicas: 9465, probes: 8472 };
const logger = pino({ level: 'silent' });

let directory: string;
let kubernetes: MemoryKubernetes;
let stop: AbortController;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'regnode-serve-'));
  const { files } = signManifest([], testKey());
  for (const [name, bytes] of files) await writeFile(join(directory, name), bytes);
  kubernetes = memoryKubernetes();
  for (const definition of resourceDefinitions())
    await kubernetes.create(customResourceDefinitions, definition);
  stop = new AbortController();
});

afterEach(async () => {
  stop.abort();
  await rm(directory, { recursive: true });
});

test('only the API server’s way is open before all is ready, then everything is, and nothing after the end', async () => {
  const held = holdBack('list', nodes.plural);
  const gateway = start();
  await held.asked;
  expect(await doors()).toEqual({ ...shut, egress: true });
  expect(kubernetes.stored(leases)).toEqual([]);

  held.release();
  await Promise.race([gateway.started, gateway.ended]);
  expect(await doors()).toEqual({ public: true, status: true, replicas: true, probes: true, egress: true });
  expect(await (await fetch(`http://${host}:${ports.status}/readyz`)).text()).toBe('ok\n');
  expect(kubernetes.stored(leases).map(({ metadata }) => metadata.annotations)).toMatchObject([
    { 'regnode.io/replica-address': `${host}:${ports.replicas}` },
  ]);

  stop.abort();
  await gateway.ended;
  expect(await doors()).toEqual(shut);
  expect(kubernetes.stored(leases)).toEqual([]);
});

test('the API server’s way is open before the API server answers, leads to this process in no way, and ends with it', async () => {
  const held = holdBack('list', registeredNodes.plural);
  const gateway = start();
  await held.asked;
  expect(await connectThrough('127.0.0.1:6443')).toMatch(/^HTTP\/1.1 502 TUNNEL_TARGET_FORBIDDEN/);
  // Nobody knows yet whose it is, so it is dialled. No such name exists. A kubelet’s port is left alone.
  expect(await connectThrough('idc-1.invalid:8443')).toMatch(/^HTTP\/1.1 502 TUNNEL_TARGET_UNREACHABLE/);
  expect(await connectThrough('idc-1.invalid:10250')).toMatch(/^HTTP\/1.1 502 GATEWAY_UNAVAILABLE/);
  stop.abort();
  held.release();
  await gateway.ended;
  expect(await doors()).toEqual(shut);
});

test('custom resources of an older release end the start before any door is open', async () => {
  const { name } = resourceDefinitions()[0]?.metadata ?? { name: '' };
  await kubernetes.remove(customResourceDefinitions, name);
  await expect(start().ended).rejects.toMatchObject({ code: 'NOT_SET_UP', values: { missing: name } });
  const older = { metadata: { name }, spec: { versions: [{ name: 'v1alpha1', schema: {} }] } };
  await kubernetes.create(customResourceDefinitions, older);
  await expect(start().ended).rejects.toMatchObject({ code: 'SETUP_OUTDATED', values: { definition: name } });
  kubernetes.before = (verb, plural) => {
    if (plural !== customResourceDefinitions.plural) return;
    throw new KubernetesFailure({ status: 403, reason: 'Forbidden', message: '', request: verb });
  };
  await expect(start().ended).rejects.toMatchObject({ code: 'SETUP_OUTDATED' });
  expect(await doors()).toEqual(shut);
});

test('an API server that is only starting refuses for a moment, and is waited for until it is ready', async () => {
  let asked = 0;
  const refuse = (request: string) => {
    throw new KubernetesFailure({ status: 403, reason: 'Forbidden', message: '', request });
  };
  kubernetes.before = (verb, plural) => {
    if (verb === 'list' && plural === registeredNodes.plural && asked < 2) refuse(verb);
  };
  kubernetes.answer = (_method, path) => {
    if (path === '/readyz' && asked++ === 0) refuse(path);
  };
  const gateway = start();
  await Promise.race([gateway.started, gateway.ended]);
  expect(asked).toBe(2);
});

test('a refusal by an API server that is ready ends the start', async () => {
  kubernetes.before = (verb, plural) => {
    if (verb !== 'list' || plural !== registeredNodes.plural) return;
    throw new KubernetesFailure({ status: 403, reason: 'Forbidden', message: '', request: verb });
  };
  await expect(start().ended).rejects.toMatchObject({ reason: 'Forbidden' });
  expect(await doors()).toEqual(shut);
});

test('a credential that can not be read ends the start before any door is open', async () => {
  const created: string[] = [];
  kubernetes.before = (verb, plural) => void (verb === 'create' && created.push(plural));
  const gateway = start({ scrapeTokenFile: join(directory, 'missing') });
  await expect(gateway.ended).rejects.toMatchObject({ code: 'CREDENTIAL_UNREADABLE' });
  expect(created).not.toContain(leases.plural);
  expect(await doors()).toEqual(shut);
});

test.each(['replicas', 'public', 'status'] as const)(
  'the port for %s is taken: what stood before it is closed',
  async (taken) => {
    const hangUps = process.listenerCount('SIGHUP');
    const other = createServer().listen(ports[taken], host);
    await once(other, 'listening');
    const gateway = start();
    await expect(gateway.ended).rejects.toMatchObject({ code: 'PORT_TAKEN' });
    expect(await doors()).toEqual({ ...shut, [taken]: true });
    expect(kubernetes.stored(leases)).toEqual([]);
    expect(process.listenerCount('SIGHUP')).toBe(hangUps);
    other.close();
    await once(other, 'close');
  },
);

test.each([leases, nodes])('told to stop while it waits for $plural, it ends', async ({ plural }) => {
  const held = holdBack('list', plural);
  const gateway = start();
  await held.asked;
  stop.abort();
  held.release();
  await gateway.ended;
  expect(await doors()).toEqual(shut);
});

/** The status line. */
async function connectThrough(target: string): Promise<string> {
  const socket = connect({ path: join(directory, 'egress.sock') });
  socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return bytes.toString('latin1').split('\r\n')[0] ?? '';
}

function start(change: Record<string, unknown> = {}) {
  const options = parseServeOptions({
    listen: `${host}:${ports.public}`,
    publicUrl: `https://${host}:${ports.public}`,
    metricsListen: `${host}:${ports.status}`,
    replicaListen: `${host}:${ports.replicas}`,
    egressSocket: join(directory, 'egress.sock'),
    artifacts: directory,
    auditFile: join(directory, 'audit.log'),
    name: 'gw-a',
    ...change,
  });
  const connection = { kubernetes, apiServerUrl: 'https://127.0.0.1:6443', apiServerCaPem: '' };
  const started = Promise.withResolvers<void>();
  const ended = serve(options, connection, logger, stop.signal, () => started.resolve());
  ended.catch(() => {});
  return { started: started.promise, ended };
}

/** The API server is asked, and does not answer before it may. */
function holdBack(verb: string, plural: string) {
  const asked = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  kubernetes.before = async (one, kind) => {
    if (one !== verb || kind !== plural) return;
    asked.resolve();
    await answered.promise;
  };
  return { asked: asked.promise, release: () => answered.resolve() };
}

const shut = { public: false, status: false, replicas: false, probes: false, egress: false };

async function doors(): Promise<typeof shut> {
  return {
    public: await accepts({ host, port: ports.public }),
    status: await accepts({ host, port: ports.status }),
    replicas: await accepts({ host, port: ports.replicas }),
    probes: await isBound(ports.probes),
    egress: await accepts({ path: join(directory, 'egress.sock') }),
  };
}

async function accepts(to: { host: string; port: number } | { path: string }): Promise<boolean> {
  const socket = connect(to);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  const found = await promise;
  socket.destroy();
  return found;
}

async function isBound(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once('error', () => resolve(true));
  socket.bind({ address: host, port, exclusive: true }, () => resolve(false));
  const found = await promise;
  socket.close();
  return found;
}
