// HTTPS_PROXY and NO_PROXY, in both cases, as curl and Go read them: names with or without a leading dot
// match the domain and everything below it, CIDRs and addresses match addresses, `*` matches everything. The
// tunnel goes through an HTTP proxy by CONNECT.
import net, { BlockList, type Socket } from 'node:net';
import { Fault } from '../../protocol/catalogue/fault.ts';

export interface Proxy {
  readonly host: string;
  readonly port: number;
  /** `user:password` of the proxy's URL, as Proxy-Authorization wants it; never printed. */
  readonly authorization?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const answerLimitBytes = 16 * 1024;

export function proxyFor(url: URL, environment: Environment): Proxy | undefined {
  const secure = url.protocol === 'wss:' || url.protocol === 'https:';
  const name = secure ? 'https_proxy' : 'http_proxy';
  const value = environment[name] || environment[name.toUpperCase()];
  if (!value) return undefined;
  const exceptions = environment.no_proxy || environment.NO_PROXY || '';
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = url.port || (secure ? '443' : '80');
  if (exceptions.split(',').some((exception) => matches(exception.trim().toLowerCase(), host, port))) {
    return undefined;
  }
  return parseProxy(value);
}

/** Sends CONNECT on a connection to the proxy; afterwards the socket is the way to `target`, and paused. */
export async function connectThroughProxy(
  socket: Socket,
  proxy: Proxy,
  target: { host: string; port: number },
  timeoutMs: number,
): Promise<void> {
  const authority = `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
  const credentials = proxy.authorization ? `Proxy-Authorization: Basic ${proxy.authorization}\r\n` : '';
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${credentials}\r\n`);
  const { head, rest } = await readHead(socket, timeoutMs);
  const status = /^HTTP\/1\.[01] (\d{3})([^\r\n]*)/.exec(head);
  if (status?.[1]?.startsWith('2') !== true) {
    socket.destroy();
    const detail = status
      ? `the proxy ${proxy.host}:${proxy.port} answered ${status[1]}${status[2]}`
      : 'the proxy speaks no HTTP';
    throw new Fault('TUNNEL_CONNECT_FAILED', { url: authority, detail });
  }
  if (rest.length > 0) socket.unshift(rest);
}

function readHead(socket: Socket, timeoutMs: number): Promise<{ head: string; rest: Buffer }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ head: string; rest: Buffer }>();
  let received: Buffer = Buffer.alloc(0);
  const fail = (detail: string) => socket.destroy(new Error(`proxy: ${detail}`));
  const timer = setTimeout(() => fail(`no answer to CONNECT within ${timeoutMs} ms`), timeoutMs);
  const read = (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    const end = received.indexOf('\r\n\r\n');
    if (end < 0 && received.length > answerLimitBytes) fail('too long an answer to CONNECT');
    if (end >= 0) {
      socket.pause();
      resolve({ head: received.subarray(0, end).toString('latin1'), rest: received.subarray(end + 4) });
    }
  };
  const ended = () => fail('closed the connection after CONNECT');
  socket.on('data', read);
  socket.once('end', ended);
  socket.once('error', reject);
  return promise.finally(() => {
    clearTimeout(timer);
    socket.off('data', read).off('end', ended).off('error', reject);
  });
}

function parseProxy(value: string): Proxy {
  const url = URL.parse(value.includes('://') ? value : `http://${value}`);
  if (url?.protocol !== 'http:') {
    throw new Fault('TUNNEL_CONNECT_FAILED', { url: 'HTTPS_PROXY', detail: 'not an http:// URL' });
  }
  const credentials = url.username
    ? Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`).toString(
        'base64',
      )
    : undefined;
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || 80,
    ...(credentials ? { authorization: credentials } : {}),
  };
}

function matches(exception: string, host: string, port: string): boolean {
  if (exception === '') return false;
  if (exception === '*') return true;
  if (net.isIP(host) && exception.includes('/')) return inSubnet(exception, host);
  const withPort = /^(?<name>[^:]+|\[.+\]):(?<port>\d+)$/.exec(exception)?.groups;
  if (withPort && withPort.port !== port) return false;
  const name = (withPort?.name ?? exception).replace(/^\[|\]$/g, '').replace(/^\*?\./, '');
  return host === name || (!net.isIP(host) && host.endsWith(`.${name}`));
}

function inSubnet(subnet: string, host: string): boolean {
  const [address = '', prefix = ''] = subnet.split('/');
  const family = net.isIP(address);
  if (family === 0 || family !== net.isIP(host) || !/^\d{1,3}$/.test(prefix)) return false;
  if (Number(prefix) > (family === 4 ? 32 : 128)) return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(address, Number(prefix), type);
  return list.check(host, type);
}
