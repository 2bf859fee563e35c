// The agent's side of HTTPS against a real TLS server on loopback: whom it trusts, and what it makes of every
// kind of answer.
import { generateKeyPairSync, webcrypto } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createGatewayApi } from '../../../../agent/identity/gateway-api.ts';
import * as x509 from '../../../../protocol/x509.ts';

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

const api = (ca = caPem) => createGatewayApi({ url, caPem: ca });
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
  const gone = createGatewayApi({ url: 'https://127.0.0.1:1', caPem });
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
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: address }])],
  });
  return {
    cert: certificate.toString('pem'),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}
