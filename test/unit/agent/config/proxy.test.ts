// HTTPS_PROXY and NO_PROXY as curl and Go read them, and the CONNECT conversation.
import net, { type AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { connectThroughProxy, proxyFor } from '../../../../agent/config/proxy.ts';

const url = new URL('wss://gateway.example.com/v1/tunnel');
const proxy = { https_proxy: 'http://proxy:3128' };

describe('which proxy', () => {
  test.each([
    [{}, undefined],
    [{ HTTPS_PROXY: 'http://proxy:3128' }, { host: 'proxy', port: 3128 }],
    [{ https_proxy: 'proxy:8080' }, { host: 'proxy', port: 8080 }],
    [{ HTTP_PROXY: 'http://proxy:3128' }, undefined],
    [{ ...proxy, no_proxy: 'example.com' }, undefined],
    [{ ...proxy, no_proxy: '.example.com' }, undefined],
    [{ ...proxy, no_proxy: '*.example.com' }, undefined],
    [{ ...proxy, NO_PROXY: 'other, gateway.example.com:443' }, undefined],
    [{ ...proxy, NO_PROXY: '*' }, undefined],
    [
      { ...proxy, no_proxy: 'gateway.example.com:8443' },
      { host: 'proxy', port: 3128 },
    ],
    [
      { ...proxy, no_proxy: 'ample.com,,' },
      { host: 'proxy', port: 3128 },
    ],
  ])('%j', (environment, expected) => {
    expect(proxyFor(url, environment)).toEqual(expected);
  });

  test.each([
    ['10.77.0.0/24', '10.77.0.1', undefined],
    ['10.77.0.1', '10.77.0.1', undefined],
    ['10.77.1.0/24', '10.77.0.1', { host: 'proxy', port: 3128 }],
    ['10.77.0.0/99', '10.77.0.1', { host: 'proxy', port: 3128 }],
    ['nonsense/24', '10.77.0.1', { host: 'proxy', port: 3128 }],
    ['fd00::/8', '[fd00::1]', undefined],
  ])('NO_PROXY=%s for %s', (exception, host, expected) => {
    expect(proxyFor(new URL(`wss://${host}/`), { ...proxy, no_proxy: exception })).toEqual(expected);
  });

  test('credentials become an authorisation and are decoded first', () => {
    const found = proxyFor(url, { https_proxy: 'http://me:p%40ss@proxy:3128' });
    expect(Buffer.from(found?.authorization ?? '', 'base64').toString()).toBe('me:p@ss');
  });

  test('a proxy that is no http:// URL is refused, and its password not repeated', () => {
    expect(() => proxyFor(url, { https_proxy: 'socks5://me:secret@proxy' })).toThrow('not an http:// URL');
  });
});

describe('CONNECT', () => {
  const servers: net.Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  async function answering(answer: string): Promise<{ socket: net.Socket; asked: () => string }> {
    let asked = '';
    const server = net.createServer((connection) => {
      connection.on('error', () => {});
      connection.once('data', (chunk) => {
        asked = chunk.toString();
        if (answer) connection.write(answer);
        else connection.end();
      });
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    return { socket, asked: () => asked };
  }
  const to = { host: 'gateway.example.com', port: 443 };
  const by = { host: 'proxy', port: 3128, authorization: 'bWU6cGFzcw==' };

  test('asks with host, port and credentials; bytes after the answer belong to the target', async () => {
    const { socket, asked } = await answering('HTTP/1.1 200 OK\r\n\r\nhello');
    await connectThroughProxy(socket, by, to, 1000);
    const first = await new Promise((resolve) => {
      socket.once('data', (chunk) => resolve(chunk.toString()));
      socket.resume();
    });
    expect(first).toBe('hello');
    expect(asked()).toBe(
      'CONNECT gateway.example.com:443 HTTP/1.1\r\nHost: gateway.example.com:443\r\n' +
        'Proxy-Authorization: Basic bWU6cGFzcw==\r\n\r\n',
    );
    socket.destroy();
  });

  test.each([
    ['a refusal', 'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n', '407 Proxy Authentication Required'],
    ['something else than HTTP', 'SSH-2.0-OpenSSH\r\n\r\n', 'speaks no HTTP'],
    ['an endless header', 'x'.repeat(20_000), 'too long'],
    ['a closed connection', '', 'closed the connection'],
    ['no answer in time', 'HTTP/1.1 200', 'within 200 ms'],
  ])('%s is a fault', async (_name, answer, detail) => {
    const { socket } = await answering(answer);
    await expect(connectThroughProxy(socket, by, to, 200)).rejects.toThrow(detail);
    expect(socket.destroyed).toBe(true);
  });
});
