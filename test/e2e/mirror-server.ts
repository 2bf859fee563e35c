// A mirror that a test runs in the cloud's network namespace: `node mirror-server.ts FOLDER ADDRESS PORT`.
// The path says what it does: /good/FILE, or /DAMAGE/PREFIX/FILE, where files with that prefix are damaged
// and the others are served as they are. /held/PREFIX/FILE stops in the middle: /holding says whether one
// does, /release lets it go on.
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';

type Damage = (content: Buffer, request: IncomingMessage, response: ServerResponse) => void;

const [folder = '', address = '', port = ''] = process.argv.slice(2);
let requests = 0;
let release: (() => void) | undefined;

const damages: Readonly<Record<string, Damage>> = {
  flipped: (content, request, response) => ranged(flip(content), request, response),
  truncated: (content, request, response) =>
    ranged(content.subarray(0, content.length - 1000), request, response),
  endless: (content, _request, response) => {
    const send = () => {
      while (!response.destroyed && response.write(content));
      if (!response.destroyed) response.once('drain', send);
    };
    send();
  },
  // The first request is cut off in the middle, every later one is answered from another file.
  swapped: (content, request, response) => {
    requests += 1;
    if (requests > 1) return ranged(flip(content), request, response);
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, content.length >> 1), () => response.destroy());
  },
  held: (content, _request, response) => {
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, content.length >> 1));
    release = () => response.end(content.subarray(content.length >> 1));
  },
  circle: (_content, request, response) =>
    void response.writeHead(302, { location: request.url ?? '' }).end(),
};

createServer((request, response) => {
  const [damage = '', prefix = '', name = prefix] = (request.url ?? '').split('/').slice(1);
  if (damage === 'holding') return void response.end(String(release !== undefined));
  if (damage === 'release') {
    release?.();
    release = undefined;
    return void response.end();
  }
  const file = damage === 'good' ? prefix : name;
  let content: Buffer;
  try {
    content = readFileSync(join(folder, file));
  } catch {
    return void response.writeHead(404).end();
  }
  const spoil = file.startsWith(prefix) ? damages[damage] : undefined;
  if (spoil) spoil(content, request, response);
  else ranged(content, request, response);
}).listen(Number(port), address);

function ranged(content: Buffer, request: IncomingMessage, response: ServerResponse): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (start >= content.length) return void response.writeHead(416).end();
  response.writeHead(start > 0 ? 206 : 200, {
    'content-length': content.length - start,
    ...(start > 0 ? { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` } : {}),
  });
  response.end(content.subarray(start));
}

function flip(content: Buffer): Buffer {
  const copy = Buffer.from(content);
  const at = copy.length >> 1;
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
