// The probe against real servers on loopback: certificates that are right, wrong and late, servers that say
// nothing, proxies that let through and that refuse.
import { webcrypto } from 'node:crypto';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, connect, createServer as createTcp, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { probeHttps } from '../../../../agent/host/https-probe.ts';
import {
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '../../../../protocol/messages/x509.ts';

const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

describe('certificates', () => {
  test('the right one is trusted, with its times and the clock of the server', async () => {
    const { url, certificatePem } = await serve({ ip: '127.0.0.1' });
    const probe = await probeHttps(`${url}/healthz`, { timeoutMs: 2000, caPem: certificatePem });
    expect(probe).toMatchObject({ trusted: true, distrust: '', status: 200 });
    expect(probe.validUntilMs).toBeGreaterThan(Date.now());
    expect(Math.abs((probe.serverTimeMs ?? 0) - probe.hostTimeMs)).toBeLessThan(1500);
    expect(probe.connectMs).toBeGreaterThan(0);
  });

  test.each([
    ['of another CA', { ip: '127.0.0.1' }, false, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['for another name', { ip: '127.0.0.9' }, true, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['that has ended', { ip: '127.0.0.1', fromDays: -3, untilDays: -1 }, true, 'CERT_HAS_EXPIRED'],
    ['that has not begun', { ip: '127.0.0.1', fromDays: 1, untilDays: 3 }, true, 'CERT_NOT_YET_VALID'],
  ] as const)('one %s is looked at and not trusted', async (_, options, withCa, distrust) => {
    const { url, certificatePem } = await serve(options);
    const probe = await probeHttps(url, { timeoutMs: 2000, ...(withCa && { caPem: certificatePem }) });
    expect(probe).toMatchObject({ trusted: false, distrust, status: 200 });
    expect(probe.serverTimeMs).toBeDefined();
  });
});

describe('no answer', () => {
  test('nobody listens', async () => {
    const server = createTcp();
    const port = await listen(server);
    server.close();
    await expect(probe(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('a server that takes the connection and says nothing is given up', async () => {
    const port = await listen(createTcp(() => {}));
    await expect(probe(port, 100)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  });

  test('a server that hangs up, and one that speaks no TLS', async () => {
    const hangsUp = await listen(createTcp((socket) => socket.destroy()));
    await expect(probe(hangsUp)).rejects.toThrow();
    const plain = await listen(createTcp((socket) => socket.end('SSH-2.0-OpenSSH_8.0\r\n')));
    await expect(probe(plain)).rejects.toThrow();
  });

  test('an ended run ends the probe', async () => {
    const port = await listen(createTcp(() => {}));
    const controller = new AbortController();
    const running = probeHttps(`https://127.0.0.1:${port}`, { timeoutMs: 60_000, signal: controller.signal });
    controller.abort();
    await expect(running).rejects.toThrow();
  });
});

describe('through a proxy', () => {
  test('that lets it through', async () => {
    const { url, certificatePem } = await serve({ ip: '127.0.0.1' });
    const asked: string[] = [];
    const proxy = createHttp();
    proxy.on('connect', (request, socket, head) => {
      asked.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`);
      const [host = '', port] = (request.url ?? '').split(':');
      const upstream = connect({ host, port: Number(port) }, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.write(head);
        upstream.pipe(socket).pipe(upstream);
      });
    });
    const proxyUrl = `http://127.0.0.1:${await listen(proxy)}`;
    const probe = await probeHttps(url, { timeoutMs: 2000, caPem: certificatePem, proxyUrl });
    expect(probe).toMatchObject({ trusted: true, status: 200 });
    expect(asked).toEqual([`${new URL(url).host} `]);
  });

  test('that refuses', async () => {
    const proxy = createHttp();
    proxy.on('connect', (_, socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
    const proxyUrl = `http://127.0.0.1:${await listen(proxy)}`;
    const refused = probeHttps('https://10.77.0.1', { timeoutMs: 2000, proxyUrl });
    await expect(refused).rejects.toMatchObject({ code: 'EPROXY', message: 'the proxy answered 403' });
  });
});

function probe(port: number, timeoutMs = 2000) {
  return probeHttps(`https://127.0.0.1:${port}`, { timeoutMs });
}

async function serve(options: { ip: string; fromDays?: number; untilDays?: number }) {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const inDays = (days: number) => new Date(Date.now() + days * 86_400_000);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=gateway',
    notBefore: inDays(options.fromDays ?? -1),
    notAfter: inDays(options.untilDays ?? 1),
    keys,
    signingAlgorithm: algorithm,
    extensions: [new SubjectAlternativeNameExtension([{ type: 'ip', value: options.ip }])],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const certificatePem = certificate.toString('pem');
  const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`;
  const server = createHttps({ key, cert: certificatePem }, (_, response) => response.end('ok'));
  return { url: `https://127.0.0.1:${await listen(server)}`, certificatePem };
}

async function listen(server: Server): Promise<number> {
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
