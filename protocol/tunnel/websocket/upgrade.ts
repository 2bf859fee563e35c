// The upgrade request and its answer, as far as both ends have to agree on them. Pure.
import { createHash, randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

const version = '13';
const acceptance = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export function newKey(): string {
  return randomBytes(16).toString('base64');
}

export function acceptFor(key: string): string {
  return createHash('sha1')
    .update(key + acceptance)
    .digest('base64');
}

export function requestHeaders(key: string, subprotocol: string): Record<string, string> {
  return {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': version,
    'Sec-WebSocket-Key': key,
    'Sec-WebSocket-Protocol': subprotocol,
  };
}

/** What is wrong with an upgrade request; undefined when nothing is. */
export function whyNotUpgrade(
  method: string | undefined,
  headers: IncomingHttpHeaders,
  subprotocol: string,
): string | undefined {
  if (method !== 'GET') return 'the method is not GET';
  if (headers.upgrade?.toLowerCase() !== 'websocket') return 'Upgrade is not websocket';
  if (headers['sec-websocket-version'] !== version) return `Sec-WebSocket-Version is not ${version}`;
  const key = headers['sec-websocket-key'];
  if (!key || !/^[+/0-9A-Za-z]{22}==$/.test(key)) return 'Sec-WebSocket-Key is not 16 bytes';
  const offered = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim());
  return offered?.includes(subprotocol) ? undefined : `Sec-WebSocket-Protocol does not offer ${subprotocol}`;
}

export function answerHead(key: string, subprotocol: string): string {
  return [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptFor(key)}`,
    `Sec-WebSocket-Protocol: ${subprotocol}`,
    '\r\n',
  ].join('\r\n');
}

/** What is wrong with a 101 answer; undefined when nothing is. */
export function whyNotAccepted(
  headers: IncomingHttpHeaders,
  key: string,
  subprotocol: string,
): string | undefined {
  if (headers['sec-websocket-accept'] !== acceptFor(key)) return 'Sec-WebSocket-Accept does not fit';
  if (headers['sec-websocket-protocol'] !== subprotocol)
    return 'Sec-WebSocket-Protocol is not the one asked for';
  return headers['sec-websocket-extensions'] ? 'an extension that was not asked for' : undefined;
}
