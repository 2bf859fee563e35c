// The agent's side of HTTPS against a real TLS server on loopback: whom it trusts, and what it makes of every
// kind of answer.
import { generateKeyPairSync, webcrypto } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createGatewayApi } from '../../../../agent/identity/gateway-api.ts';
import * as x509 from '../../../../protocol/messages/x509.ts';

let respond: (request: IncomingMessage, response: ServerResponse) => void = () => {};
let server: Server;
let url: string;
let caPem: string;

beforeAll(async () => {
  const identity = await selfSigned('127.0.0.1');
  caPem = identity.cert;
  server = createServer(identity, (request, response) => respond(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

const api = (ca = caPem) => createGatewayApi({ url, caPem: ca, environment: {} });
const answer = (status: number, body: string) => {
  respond = (request, response) => {
    request.resume();
    response.writeHead(status).end(body);
  };
};

test('a gateway of another CA is not trusted', async () => {
  const other = await selfSigned('127.0.0.1');
  await expect(api(other.cert).status()).rejects.toMatchObject({ code: 'GATEWAY_NOT_TRUSTED' });
});

test('a port where nobody listens is GATEWAY_UNREACHABLE with the reason', async () => {
  const gone = createGatewayApi({ url: 'https://127.0.0.1:1', caPem, environment: {} });
  await expect(gone.status()).rejects.toMatchObject({
    code: 'GATEWAY_UNREACHABLE',
    values: { detail: expect.stringContaining('ECONNREFUSED') },
  });
});

test('a refusal arrives with its code and values', async () => {
  answer(409, JSON.stringify({ error: { code: 'NODE_NAME_TAKEN', values: { name: 'idc-1', evil: {} } } }));
  await expect(api().status()).rejects.toMatchObject({ code: 'NODE_NAME_TAKEN', values: { name: 'idc-1' } });
});

describe.each([
  ['HTML of a proxy', 200, '<html>', 'GATEWAY_UNREACHABLE'],
  ['an error without a code', 502, '{}', 'GATEWAY_UNREACHABLE'],
  ['null', 500, 'null', 'GATEWAY_UNREACHABLE'],
  ['a code that does not exist', 400, '{"error":{"code":"constructor"}}', 'PEER_ANSWER_UNKNOWN'],
  ['a status without its fields', 200, '{"nodeName":"idc-1"}', 'PEER_ANSWER_UNKNOWN'],
])('%s', (_title, status, body, code) => {
  test(`is ${code}`, async () => {
    answer(status, body);
    await expect(api().status()).rejects.toMatchObject({ code });
  });
});

describe('a node that is told to wait', () => {
  const busy = (seconds: number) =>
    JSON.stringify({ error: { code: 'TOO_MANY_REQUESTS', values: { address: 'idc-1', seconds } } });
  let asked: number[];
  /** Refused so often, then answered. */
  const refuse = (times: number, seconds: number) => {
    asked = [];
    respond = (request, response) => {
      request.resume();
      asked.push(performance.now());
      if (asked.length <= times) response.writeHead(429).end(busy(seconds));
      else response.writeHead(200).end('{}');
    };
  };

  test('waits, and asks once more', async () => {
    refuse(1, 1);
    await api().uncordon();
    expect(asked).toHaveLength(2);
    expect((asked[1] ?? 0) - (asked[0] ?? 0)).toBeGreaterThan(950);
  });

  test('says so when that was no help, or when it would be long', async () => {
    refuse(2, 1);
    await expect(api().uncordon()).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' });
    expect(asked).toHaveLength(2);
    refuse(1, 3600);
    await expect(api().uncordon()).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' });
    expect(asked).toHaveLength(1);
  });
});

test('an endless answer is cut at its limit', async () => {
  respond = (_request, response) => {
    const chunk = Buffer.alloc(64 * 1024, 0x20);
    const more = () => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on('drain', more);
    more();
  };
  await expect(api().status()).rejects.toMatchObject({ code: 'PEER_ANSWER_UNKNOWN' });
});

test('a download goes on from its offset when the gateway can', async () => {
  respond = (request, response) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const body = Buffer.from('0123456789').subarray(from);
    if (from > 0) response.writeHead(206, { 'content-range': `bytes ${from}-9/10` }).end(body);
    else response.writeHead(200).end(body);
  };
  const { startsAt, bytes } = await api().download('/artifacts/x', 4);
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  expect([startsAt, Buffer.concat(chunks).toString()]).toEqual([4, '456789']);
});

describe('through a proxy', () => {
  const servers: net.Server[] = [];
  afterEach(() => {
    for (const open of servers.splice(0)) open.close();
  });

  /** Joins each CONNECT with its target, or answers it with `refusal`. */
  async function openProxy(refusal?: string): Promise<{ address: string; asked: string[] }> {
    const asked: string[] = [];
    const proxy = net.createServer((client) => {
      client.once('data', (chunk) => {
        asked.push(chunk.toString().split('\r\n', 1)[0] ?? '');
        if (refusal) {
          client.end(refusal);
          return;
        }
        const target = net.connect(Number(new URL(url).port), '127.0.0.1', () => {
          client.write('HTTP/1.1 200 OK\r\n\r\n');
          client.pipe(target).pipe(client);
        });
        target.on('error', () => client.destroy());
        client.on('error', () => target.destroy());
      });
    });
    servers.push(proxy);
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    return { address: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked };
  }

  test('calls go by CONNECT, over one connection, and trust the same CA alone', async () => {
    const { address, asked } = await openProxy();
    answer(200, '{}');
    const proxied = createGatewayApi({ url, caPem, environment: { HTTPS_PROXY: address } });
    await proxied.deregister();
    await proxied.deregister();
    proxied.close();
    expect(asked).toEqual([`CONNECT ${new URL(url).host} HTTP/1.1`]);
    const other = await selfSigned('127.0.0.1');
    const deceived = createGatewayApi({ url, caPem: other.cert, environment: { https_proxy: address } });
    await expect(deceived.deregister()).rejects.toMatchObject({ code: 'GATEWAY_NOT_TRUSTED' });
  });

  test('not when NO_PROXY names the gateway', async () => {
    const { address, asked } = await openProxy();
    answer(200, '{}');
    const environment = { HTTPS_PROXY: address, NO_PROXY: '127.0.0.0/8' };
    await createGatewayApi({ url, caPem, environment }).deregister();
    expect(asked).toEqual([]);
  });

  test.each([
    ['that refuses', 'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n', '407'],
    ['that is something else', 'SSH-2.0-OpenSSH\r\n\r\n', 'HTTP'],
  ])('one %s is GATEWAY_UNREACHABLE with its reason', async (_name, refusal, detail) => {
    const { address } = await openProxy(refusal);
    const proxied = createGatewayApi({ url, caPem, environment: { HTTPS_PROXY: address } });
    await expect(proxied.deregister()).rejects.toMatchObject({
      code: 'GATEWAY_UNREACHABLE',
      values: { detail: expect.stringContaining(detail) },
    });
  });

  test('one that is not there is GATEWAY_UNREACHABLE', async () => {
    const proxied = createGatewayApi({ url, caPem, environment: { HTTPS_PROXY: 'http://127.0.0.1:1' } });
    await expect(proxied.deregister()).rejects.toMatchObject({ code: 'GATEWAY_UNREACHABLE' });
  });
});

describe('a certificate that was renewed meanwhile', () => {
  const refuseOnce = () => {
    let asked = 0;
    respond = (request, response) => {
      request.resume();
      asked += 1;
      const refusal = { error: { code: 'CERTIFICATE_REFUSED', values: { detail: 'it was replaced' } } };
      response.writeHead(asked === 1 ? 403 : 200).end(JSON.stringify(asked === 1 ? refusal : {}));
    };
    return () => asked;
  };

  test('is read from the disk, and the call made again', async () => {
    const [old, renewed] = [await selfSigned('old'), await selfSigned('new')];
    const identityOf = ({ cert, key }: typeof old) => ({ caPem, certificatePem: cert, keyPem: key });
    const asked = refuseOnce();
    const gateway = createGatewayApi({
      url,
      ...identityOf(old),
      reload: async () => identityOf(renewed),
      environment: {},
    });
    await gateway.deregister();
    expect(asked()).toBe(2);
  });

  test('is not there: the refusal stands, and nothing is asked twice', async () => {
    const { cert, key } = await selfSigned('old');
    const identity = { caPem, certificatePem: cert, keyPem: key };
    const asked = refuseOnce();
    const gateway = createGatewayApi({ url, ...identity, reload: async () => identity, environment: {} });
    await expect(gateway.deregister()).rejects.toMatchObject({ code: 'CERTIFICATE_REFUSED' });
    expect(asked()).toBe(1);
  });
});

async function selfSigned(address: string): Promise<{ cert: string; key: string }> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const { subtle } = webcrypto;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: ['test'] }],
    keys: {
      privateKey: await subtle.importKey(
        'pkcs8',
        privateKey.export({ type: 'pkcs8', format: 'der' }),
        algorithm,
        false,
        ['sign'],
      ),
      publicKey: await subtle.importKey(
        'spki',
        publicKey.export({ type: 'spki', format: 'der' }),
        algorithm,
        true,
        ['verify'],
      ),
    },
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [
      new x509.SubjectAlternativeNameExtension([{ type: net.isIP(address) ? 'ip' : 'dns', value: address }]),
    ],
  });
  return {
    cert: certificate.toString('pem'),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

test.each([
  ['no answer at all', () => undefined],
  [
    'a refusal that drips',
    (_request: IncomingMessage, response: ServerResponse) => drip(response.writeHead(404)),
  ],
])('a download with %s is given up', async (_name, answers: typeof respond) => {
  respond = answers;
  const patient = createGatewayApi({ url, caPem, answerTimeoutMs: 300, environment: {} });
  await expect(patient.download('/artifacts/x', 0)).rejects.toMatchObject({
    code: 'GATEWAY_UNREACHABLE',
    values: { detail: 'no answer within 0.3 s' },
  });
});

function drip(response: ServerResponse): void {
  const timer = setInterval(() => response.write(' '), 50);
  response.on('close', () => clearInterval(timer));
}
