// The public port as a peer meets it: who may ask what, what is too much, and that an
// error says a code and no more.
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Authority } from '../../../../gateway/join/authority.ts';
import { identify, peerCertificate } from '../../../../gateway/join/client-certificate.ts';
import { KubernetesFailure } from '../../../../gateway/kubernetes/kubernetes.ts';
import { answerJson, readJson } from '../../../../gateway/port/answer.ts';
import { limits } from '../../../../gateway/port/limits.ts';
import type { Route } from '../../../../gateway/port/route.ts';
import type { RegisteredNode } from '../../../../gateway/resources/registered-node.ts';
import { Fault } from '../../../../protocol/catalogue/fault.ts';
import { PemConverter } from '../../../../protocol/messages/x509.ts';
import { memoryKubernetes } from '../memory-kubernetes.ts';
import { openTestPort, type TestPort } from '../port.ts';

let gateway: TestPort;
let registered: RegisteredNode | undefined;
let upgraded: string[];
let refused: string[];
/** Answers of `/slow` that wait until they are let go. */
let held: (() => void)[];

const routes: readonly Route[] = [
  {
    methods: ['POST'],
    path: '/echo',
    access: 'anybody',
    run: async ({ request, response }) => answerJson(response, 200, await readJson(request)),
  },
  {
    methods: ['GET'],
    path: '/slow',
    access: 'anybody',
    run: async ({ response }) => {
      const number = held.length;
      await new Promise<void>((resolve) => held.push(resolve));
      answerJson(response, 200, { number });
    },
  },
  {
    methods: ['GET'],
    path: '/who',
    access: 'node',
    run: ({ response }, node) => answerJson(response, 200, node),
  },
  {
    methods: ['GET'],
    path: '/broken',
    access: 'anybody',
    run: () => {
      throw new Error('password=hunter2');
    },
  },
  {
    methods: ['GET'],
    path: '/forbidden',
    access: 'anybody',
    run: ({ request }) => {
      const message = decodeURIComponent(request.url?.split('?')[1] ?? '');
      throw new KubernetesFailure({
        status: 403,
        reason: 'Forbidden',
        message,
        request: 'GET /api/v1/services',
      });
    },
  },
  {
    methods: ['GET'],
    path: '/fails',
    access: 'anybody',
    run: () => {
      throw new Error('what the log is to tell');
    },
  },
  {
    methods: ['GET'],
    path: '/full',
    access: 'anybody',
    run: () => {
      throw new Fault('POOL_FULL', { pool: 'idc', maxNodes: 2 });
    },
  },
];

beforeEach(async () => {
  upgraded = [];
  refused = [];
  held = [];
  registered = undefined;
  gateway = await openTestPort(() => routes, {
    identify: (certificate) =>
      identify(certificate, { get: () => registered, refresh: async () => registered }, Date.now()),
    onTunnel: (_request, socket, _head, node) => {
      upgraded.push(node.name);
      socket.end('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n');
    },
    onRefused: (fault) => refused.push(fault.code),
  });
});

afterEach(() => gateway.port.close(0));

interface Ask {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Record<string, string>;
  readonly cert?: string;
  readonly key?: string;
}

function ask(path: string, { method = 'GET', body, ...rest }: Ask = {}) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: unknown }>(
    (resolve, reject) => {
      const { port } = gateway.port.address;
      const options = { host: '127.0.0.1', port, path, method, ca: gateway.authority.caPem, ...rest };
      const request = https.request(options, async (response) => {
        let text = '';
        for await (const chunk of response) text += String(chunk);
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: text && JSON.parse(text),
        });
      });
      request.on('upgrade', (response, socket) => {
        socket.destroy();
        resolve({ status: response.statusCode ?? 0, headers: {}, body: undefined });
      });
      request.on('error', reject);
      request.end(body);
    },
  );
}

async function node(name: string, pool = 'idc', issuer = gateway.authority) {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  const { certificatePem, serial } = await issuer.issueNode({ name, pool, publicKey: keys.publicKey });
  const key = PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return { cert: certificatePem, key, serial };
}

const register = (name: string, ...certificateSerials: string[]) => {
  registered = {
    metadata: { name },
    spec: { pool: 'idc', machineId: '', keySha256: '', addresses: [] },
    status: { certificateSerials },
  };
};

async function refusedReasons(): Promise<string[]> {
  const { values } = await gateway.counters.refusedConnections.get();
  return values.map(({ labels, value }) => `${labels.reason}: ${value}`).sort();
}

describe('requests', () => {
  test('JSON in, JSON out', async () => {
    expect(await ask('/echo', { method: 'POST', body: '{"a":1}' })).toMatchObject({
      status: 200,
      body: { a: 1 },
    });
  });

  test.each([
    ['an unknown path', '/nothing', {}, 404, 'PATH_UNKNOWN'],
    ['a wrong method', '/echo', {}, 404, 'PATH_UNKNOWN'],
    ['no JSON', '/echo', { method: 'POST', body: '{' }, 400, 'REQUEST_MALFORMED'],
    ['an empty body', '/echo', { method: 'POST' }, 400, 'REQUEST_MALFORMED'],
    [
      'a body over the limit',
      '/echo',
      { method: 'POST', body: `"${'x'.repeat(limits.bodyBytes)}"` },
      413,
      'REQUEST_TOO_LARGE',
    ],
    ['a refusal', '/full', {}, 409, 'POOL_FULL'],
    ['no certificate', '/who', {}, 403, 'CERTIFICATE_REFUSED'],
  ])('%s', async (_name, path, options, status, code) => {
    expect(await ask(path, options)).toMatchObject({ status, body: { error: { code } } });
    expect(refused).toEqual([code]);
  });

  test('an unexpected error tells the peer nothing', async () => {
    const answer = await ask('/broken');
    expect(answer).toMatchObject({ status: 503, body: { error: { code: 'GATEWAY_UNAVAILABLE' } } });
    expect(JSON.stringify(answer.body)).not.toContain('hunter2');
  });

  const user = 'User "regnode-gateway"';
  test.each([
    [
      `services is forbidden: ${user} cannot list resource "services" in API group "" at the cluster scope`,
      'GATEWAY_NOT_PERMITTED',
      { right: 'list services' },
    ],
    [
      `secrets is forbidden: ${user} cannot create resource "secrets" in API group "" in the namespace "kube-system"`,
      'GATEWAY_NOT_PERMITTED',
      { right: 'create secrets in kube-system' },
    ],
    [
      `x is forbidden: ${user} cannot update resource "registerednodes/status" in API group "regnode.io" at the cluster scope`,
      'GATEWAY_NOT_PERMITTED',
      { right: 'update registerednodes/status.regnode.io' },
    ],
    [
      'secrets "x" is forbidden: exceeded quota: few, requested: secrets=1',
      'GATEWAY_UNAVAILABLE',
      { detail: 'Kubernetes answered Forbidden' },
    ],
  ])('a refusal of the API server: %s', async (message, code, values) => {
    const answer = await ask(`/forbidden?${encodeURIComponent(message)}`);
    expect(answer).toMatchObject({ status: 503, body: { error: { code, values } } });
  });

  test('what fails with every request is logged once a minute', async () => {
    const lines: string[] = [];
    const other = await openTestPort(() => routes, {
      logger: pino({ level: 'error' }, { write: (line) => void lines.push(line) }),
    });
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ca: other.authority.caPem });
    for (let count = 0; count < 50; count++) {
      await new Promise((resolve, reject) => {
        https
          .get(`${other.url}/fails`, { agent }, (answer) => answer.resume().on('end', resolve))
          .on('error', reject);
      });
    }
    agent.destroy();
    await other.port.close(0);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('what the log is to tell');
  });

  test('who shows no certificate and asks without end waits; a node is served beside it', async () => {
    await gateway.port.close(0);
    const anonymous = { each: { burst: 3, perSecond: 0.001 }, all: { burst: 100, perSecond: 1 } };
    gateway = await openTestPort(() => routes, {
      identify: (certificate) =>
        identify(certificate, { get: () => registered, refresh: async () => registered }, Date.now()),
      anonymous,
    });
    const answers = [];
    for (let count = 0; count < 5; count++) answers.push(await ask('/nowhere'));
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 429, 429]);
    expect(answers.at(-1)?.headers['retry-after']).toBeDefined();
    const { serial, ...own } = await node('idc-1');
    register('idc-1', serial);
    expect(await ask('/who', own)).toMatchObject({ status: 200 });
  });

  test('a certificate of ours that is no registered node’s has a share of its own, on every path', async () => {
    await gateway.port.close(0);
    const certified = { burst: 3, perSecond: 0.001 };
    gateway = await openTestPort(() => routes, { certified });
    const { serial: _, ...removed } = await node('idc-1');
    const paths = ['/nowhere', '/who', '/full', '/nowhere', '/who'];
    const answers = [];
    for (const path of paths) answers.push(await ask(path, removed));
    expect(answers.map(({ status }) => status)).toEqual([404, 403, 409, 429, 429]);
    expect(await ask('/nowhere')).toMatchObject({ status: 404 });
    const { serial: __, ...other } = await node('idc-2');
    expect(await ask('/nowhere', other)).toMatchObject({ status: 404 });
  });

  test('certificates of ours that are no registered node’s, however many, have one share of their address', async () => {
    await gateway.port.close(0);
    const anonymous = { each: { burst: 4, perSecond: 0.001 }, all: { burst: 100, perSecond: 1 } };
    gateway = await openTestPort(() => routes, { anonymous, recognize: async () => undefined });
    const answers = [];
    for (const name of ['idc-1', 'idc-2', 'idc-3']) {
      const { serial: _, ...removed } = await node(name);
      for (const path of ['/nowhere', '/nowhere']) answers.push(await ask(path, removed));
    }
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404, 429, 429]);
    expect(await ask('/nowhere'), 'of whoever shows none').toMatchObject({ status: 404 });
  });

  test('headers over the limit', async () => {
    const headers = { 'x-large': 'x'.repeat(limits.headerBytes) };
    expect(await ask('/echo', { method: 'POST', body: '{}', headers })).toMatchObject({ status: 431 });
    expect(await refusedReasons()).toEqual(['large-headers: 1']);
    expect(await ask('/echo', { method: 'POST', body: '{}' })).toMatchObject({ status: 200 });
  });

  test('what is no HTTP, and what is no TLS, harms nobody', async () => {
    const { port } = gateway.port.address;
    const plain = net.connect(port, '127.0.0.1');
    plain.write('GET / HTTP/1.1\r\n\r\n');
    await once(plain, 'close');
    const secure = tls.connect({ port, host: '127.0.0.1', ca: gateway.authority.caPem });
    secure.write('\0\0\0 nonsense\r\n\r\n');
    await once(secure.resume(), 'close');
    expect(await refusedReasons()).toEqual(['handshake: 1', 'malformed: 1']);
    expect(await ask('/echo', { method: 'POST', body: '{}' })).toMatchObject({ status: 200 });
  });

  test('a handshake that stalls is counted, and its socket closed', async () => {
    const { port } = gateway.port.address;
    const stalled = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    stalled.on('error', () => {});
    // The beginning of a record that holds 512 bytes of a ClientHello, of which no more comes.
    stalled.resume().write(Buffer.from([0x16, 3, 1, 2, 0, 1]));
    await once(stalled, 'end');
    // Only a socket that is gone at the other end makes this one fail.
    const closed = new Promise((resolve) => stalled.once('close', resolve));
    const nagging = setInterval(() => stalled.write('more'), 50);
    await closed;
    clearInterval(nagging);
    expect(await refusedReasons()).toEqual(['handshake: 1']);
  }, 25_000);

  test('TLS 1.1 is not spoken', async () => {
    const options = { port: gateway.port.address.port, host: '127.0.0.1', ca: gateway.authority.caPem };
    const socket = tls.connect({
      ...options,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toMatch(/version|protocol/i);
  });
});

describe('who is who', () => {
  test('a registered node, by its certificate', async () => {
    const { serial, ...identity } = await node('idc-1');
    register('idc-1', serial);
    expect(await ask('/who', identity)).toMatchObject({ status: 200, body: { name: 'idc-1', pool: 'idc' } });
  });

  test.each([
    ['at first', false],
    ['with a renewed certificate of its own', true],
  ])(
    'a port %s: nobody becomes another node by a second handshake on a connection',
    async (_when, isRenewed) => {
      if (isRenewed) {
        const { certificatePem, keyPem } = await gateway.authority.issueServing('127.0.0.1');
        gateway.port.renew({ certificatePem, keyPem, caPem: gateway.authority.caPem });
      }
      const own = await node('idc-1');
      const forged = await node('idc-2', 'idc', await Authority.open(memoryKubernetes()));
      register('idc-1', own.serial);
      const { port } = gateway.port.address;
      const trust = { ca: gateway.authority.caPem, maxVersion: 'TLSv1.2' as const };
      const socket = tls.connect({ port, host: '127.0.0.1', ...trust, cert: own.cert, key: own.key });
      await once(socket, 'secureConnect');
      const answer = async () => {
        socket.write('GET /who HTTP/1.1\r\nhost: gateway\r\n\r\n');
        return String((await once(socket, 'data'))[0]);
      };
      expect(await answer()).toContain('"name":"idc-1"');
      // Its serial is in the registration, which others may read; the key and the certificate are made up.
      register('idc-2', forged.serial);
      socket.setKeyCert(tls.createSecureContext({ cert: forged.cert, key: forged.key }));
      const ended = new Promise((resolve) => socket.once('error', resolve).once('close', resolve));
      const again = new Promise((resolve) => socket.renegotiate({ rejectUnauthorized: false }, resolve));
      const outcome = await Promise.race([ended, again.then((error) => error ?? answer())]);
      socket.destroy();
      expect(String(outcome)).not.toContain('idc-2');
      expect(String(outcome)).toMatch(/no renegotiation|alert/i);
    },
  );

  test('what node:tls says against a certificate counts, whatever else it says', async () => {
    const { cert, serial } = await node('idc-1');
    register('idc-1', serial);
    const { raw, ...rest } = new X509Certificate(cert).toLegacyObject() as unknown as tls.PeerCertificate;
    const socket = { getPeerCertificate: () => ({ ...rest, raw }), authorized: true };
    const registrations = { get: () => registered, refresh: async () => registered };
    const judged = (authorizationError: unknown) =>
      identify(
        peerCertificate({ ...socket, authorizationError } as tls.TLSSocket),
        registrations,
        Date.now(),
      );
    expect(await judged(null)).toMatchObject({ name: 'idc-1' });
    await expect(judged('DEPTH_ZERO_SELF_SIGNED_CERT')).rejects.toMatchObject({
      code: 'CERTIFICATE_REFUSED',
      values: { detail: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    });
  });

  test('revoked is refused at the very next request, on the same connection', async () => {
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    const { serial, ...identity } = await node('idc-1');
    register('idc-1', serial);
    expect(await ask('/who', { ...identity, agent } as Ask)).toMatchObject({ status: 200 });
    register('idc-1');
    expect(await ask('/who', { ...identity, agent } as Ask)).toMatchObject({ status: 403 });
    agent.destroy();
  });

  test('a certificate of another CA with the same names is refused', async () => {
    const stranger = await openTestPort(() => []);
    const { serial, ...identity } = await node('idc-1', 'idc', stranger.authority);
    register('idc-1', serial);
    expect(await ask('/who', identity)).toMatchObject({
      status: 403,
      body: { error: { code: 'CERTIFICATE_REFUSED' } },
    });
    await stranger.port.close(0);
  });

  test("the gateway's own serving certificate is no node", async () => {
    const { certificatePem, keyPem } = await gateway.authority.issueServing('idc-1');
    register('idc-1');
    expect(await ask('/who', { cert: certificatePem, key: keyPem })).toMatchObject({ status: 403 });
  });

  test('nothing in a header counts', async () => {
    register('idc-1', 'AB');
    const headers = {
      'x-remote-user': 'idc-1',
      'x-forwarded-client-cert': 'CN=idc-1',
      'x-node-name': 'idc-1',
    };
    expect(await ask('/who', { headers })).toMatchObject({ status: 403 });
  });
});

describe('the tunnel', () => {
  const upgrade = { headers: { connection: 'Upgrade', upgrade: 'websocket' } };

  test('opens for a registered node', async () => {
    const { serial, ...identity } = await node('idc-1');
    register('idc-1', serial);
    expect(await ask('/v1/tunnel', { ...upgrade, ...identity })).toMatchObject({ status: 101 });
    expect(upgraded).toEqual(['idc-1']);
  });

  test.each([
    ['without a certificate', '/v1/tunnel', 403],
    ['at another path', '/v1/other', 404],
  ])('does not open %s', async (_name, path, status) => {
    expect(await ask(path, upgrade)).toMatchObject({ status });
    expect(upgraded).toEqual([]);
  });

  test('does not open for a node that is gone', async () => {
    const { serial: _, ...identity } = await node('idc-1');
    expect(await ask('/v1/tunnel', { ...upgrade, ...identity })).toMatchObject({
      status: 403,
      body: { error: { code: 'NODE_NOT_REGISTERED' } },
    });
  });
});

test.each([
  [
    'a tunnel without a certificate',
    'GET /v1/tunnel HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  ],
  ['what is no HTTP', '\0\0\0 nonsense\r\n\r\n'],
])('a peer that is refused and does not close is cut: %s', async (_name, said) => {
  const { port } = gateway.port.address;
  // A peer of bad will: it has been told to go, and only the end of the socket itself can make it.
  const tcp = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const secure = tls.connect({ socket: tcp, host: '127.0.0.1', ca: gateway.authority.caPem });
  secure.on('end', () => {}).on('error', () => {});
  tcp.on('error', () => {});
  await once(secure, 'secureConnect');
  const closed = once(tcp, 'close');
  secure.resume().write(said);
  const nagging = setInterval(() => secure.write('more'), 50);
  await closed;
  clearInterval(nagging);
  expect(secure.bytesRead, 'it is told why').toBeGreaterThan(0);
});

describe('requests behind each other', () => {
  const slow = 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n';
  const connected = async () => {
    const { port } = gateway.port.address;
    const socket = tls.connect({ port, host: '127.0.0.1', ca: gateway.authority.caPem });
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    return socket;
  };

  test('begin one at a time, and are answered in their order', async () => {
    const socket = await connected();
    let answers = '';
    socket.on('data', (chunk) => {
      answers += String(chunk);
    });
    socket.write(slow.repeat(1 + limits.waitingRequests));
    for (let number = 0; number <= limits.waitingRequests; number += 1) {
      await expect.poll(() => held.length).toBe(number + 1);
      held[number]?.();
      await expect.poll(() => answers).toContain(`{"number":${number}}`);
    }
    socket.destroy();
    expect(await refusedReasons()).toEqual([]);
  });

  test('a thousand of them: one has begun, and the connection is cut', async () => {
    const socket = await connected();
    const closed = once(socket, 'close');
    socket.resume().write(slow.repeat(1000));
    await closed;
    await expect.poll(refusedReasons).toEqual(['pipelined: 1']);
    expect(held).toHaveLength(1);
    held[0]?.();
  });
});

describe('connections', () => {
  const count = 256;
  const strangers = () =>
    Promise.all(
      Array.from({ length: count }, async () => {
        const socket = net.connect(gateway.port.address.port, '127.0.0.1');
        socket.on('error', () => {});
        await once(socket, 'connect');
        return socket;
      }),
    );

  test('one address gets only so many without a certificate, and others are not touched', async () => {
    const { port } = gateway.port.address;
    const sockets = await strangers();
    const cut = sockets.map((socket) => once(socket, 'close'));
    const oneMore = net.connect(port, '127.0.0.1');
    await Promise.race(cut);
    const elsewhere = net.connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' });
    await once(elsewhere, 'connect');
    expect([oneMore.destroyed, elsewhere.destroyed]).toEqual([false, false]);
    expect(sockets.filter(({ destroyed }) => destroyed)).toHaveLength(1);
    expect(await refusedReasons()).toEqual(['per-address: 1']);
    for (const socket of [...sockets, oneMore, elsewhere]) socket.destroy();
  });

  test('a node gets in where strangers have taken all, and they do not move it when they come again', async () => {
    const { cert, key, serial } = await node('idc-1');
    register('idc-1', serial);
    const held = await strangers();
    const agent = new https.Agent({ keepAlive: true, ca: gateway.authority.caPem, cert, key });
    const who = () =>
      new Promise<string>((resolve, reject) => {
        const asked = https.get(`${gateway.url}/who`, { agent }, (response) => {
          response.resume().on('end', () => resolve(`${response.statusCode} reused ${asked.reusedSocket}`));
        });
        asked.on('error', reject);
      });
    expect(await who()).toBe('200 reused false');
    const again = [...(await strangers()), ...(await strangers())];
    expect(await who()).toBe('200 reused true');
    expect((await refusedReasons())[0]).toMatch(/^per-address: \d+$/);
    for (const socket of [...held, ...again]) socket.destroy();
    agent.destroy();
  });

  test('of one node are so many at a time, whatever address they come from', async () => {
    const { cert, key, serial } = await node('idc-1');
    register('idc-1', serial);
    const options = {
      port: gateway.port.address.port,
      host: '127.0.0.1',
      ca: gateway.authority.caPem,
      cert,
      key,
    };
    const sockets = Array.from({ length: 40 }, (_, index) =>
      tls.connect({ ...options, localAddress: `127.0.0.${1 + (index % 4)}` } as tls.ConnectionOptions),
    );
    await Promise.all(
      sockets.map(async (socket) => {
        socket.on('error', () => {});
        await once(socket, 'secureConnect');
        socket.write('GET /who HTTP/1.1\r\nhost: x\r\n\r\n');
        await Promise.race([once(socket, 'data'), once(socket, 'close')]);
      }),
    );
    const open = () => sockets.filter(({ closed }) => !closed).length;
    while (open() > 32) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(open()).toBe(32);
    expect(await refusedReasons()).toEqual(['per-node: 8']);
    for (const socket of sockets) socket.destroy();
  });
});

test('a new serving certificate is used at once, without a restart', async () => {
  const next = await gateway.authority.issueServing('127.0.0.1');
  gateway.port.renew({ ...next, caPem: gateway.authority.caPem });
  const socket = tls.connect({
    port: gateway.port.address.port,
    host: '127.0.0.1',
    ca: gateway.authority.caPem,
  });
  await once(socket, 'secureConnect');
  expect(socket.getPeerCertificate().serialNumber).toBe(next.serial);
  socket.destroy();
});

test('closing ends also what became a tunnel, at the latest after the grace', async () => {
  const socket = tls.connect({
    port: gateway.port.address.port,
    host: '127.0.0.1',
    ca: gateway.authority.caPem,
  });
  await once(socket, 'secureConnect');
  const closed = once(socket, 'close');
  socket.on('error', () => {});
  await gateway.port.close(20);
  await closed;
  expect(socket.destroyed).toBe(true);
});

test('a port that is taken is said so', async () => {
  const { port } = gateway.port.address;
  await expect(openTestPort(() => [], { listen: { host: '127.0.0.1', port } })).rejects.toMatchObject({
    code: 'PORT_TAKEN',
    values: { address: `127.0.0.1:${port}` },
  });
});
