// Serves the files of the artifact store: the manifest with its signatures and keys, install.sh, and only
// names that the manifest lists (so no path can lead out of the folder), with ranges for a download that goes
// on, and the sha256 as ETag, so that a range never joins two different files.
import { createReadStream, type ReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Artifact } from '../../protocol/messages/desired.ts';
import { readInstaller } from './installer.ts';
import type { ArtifactStore } from './store.ts';

const prefix = '/artifacts/';

/**
 * How much is read at a time. Large pieces cost a third less of the processor for each byte, and wait in
 * memory four times over when a peer reads nothing: 1 MiB of it for each, and strangers may have thousands.
 */
const pieceBytes = { ofFirst: 256 * 1024, ofOthers: 64 * 1024 };
const firstDownloads = 64;
const underWay = new Set<ReadStream>();

/** `path` is the request's path without query; throws PATH_UNKNOWN. */
export async function serveArtifact(
  store: ArtifactStore,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { artifacts, files, manifest } = await store.manifest();
  const name = path.startsWith(prefix) ? path.slice(prefix.length) : '';
  const file = files.get(name) ?? (await readInstaller(store.directory, manifest, name));
  if (file) {
    response.writeHead(200, {
      'content-type': path.endsWith('.json') ? 'application/json' : 'text/plain',
      'content-length': file.length,
      'cache-control': 'no-cache',
    });
    response.end(request.method === 'HEAD' ? undefined : file);
    return;
  }
  const artifact = artifacts.find((candidate) => candidate.path === path);
  if (!artifact) throw new Fault('PATH_UNKNOWN', { method: request.method ?? '', path: path.slice(0, 120) });
  await sendFile(store, artifact, request, response);
}

async function sendFile(
  store: ArtifactStore,
  artifact: Artifact,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // artifactSchema allows no slash after the prefix.
  const file = await open(join(store.directory, artifact.path.slice(prefix.length))).catch(
    (cause: unknown) => {
      throw new Fault('PATH_UNKNOWN', { method: request.method ?? '', path: artifact.path }, { cause });
    },
  );
  let streaming = false;
  try {
    const { size } = await file.stat();
    const etag = `"${artifact.sha256}"`;
    const headers = {
      'content-type': 'application/octet-stream',
      'accept-ranges': 'bytes',
      etag,
      'cache-control': 'public, max-age=31536000, immutable',
    };
    if (request.headers['if-none-match'] === etag) {
      response.writeHead(304, headers).end();
      return;
    }
    // A range of a file that has changed since is answered with the whole new one.
    const conditional = request.headers['if-range'];
    const range =
      conditional === undefined || conditional === etag ? parseRange(request.headers.range, size) : undefined;
    if (range === 'unsatisfiable') {
      response.writeHead(416, { ...headers, 'content-range': `bytes */${size}`, 'content-length': 0 }).end();
      return;
    }
    // The peer has gone meanwhile: a stream that is never read from would not close the file.
    if (response.destroyed) return;
    const { start, end } = range ?? { start: 0, end: size - 1 };
    response.writeHead(range ? 206 : 200, {
      ...headers,
      'content-length': end - start + 1,
      ...(range ? { 'content-range': `bytes ${start}-${end}/${size}` } : {}),
    });
    if (request.method === 'HEAD' || size === 0) {
      response.end();
      return;
    }
    streaming = true;
    const highWaterMark = underWay.size < firstDownloads ? pieceBytes.ofFirst : pieceBytes.ofOthers;
    const source = createReadStream('', { fd: file, start, end, highWaterMark });
    underWay.add(source);
    source.once('close', () => underWay.delete(source));
    await pipeline(source, response);
  } finally {
    if (!streaming) await file.close();
  }
}

/**
 * One byte range as in RFC 9110; anything else that we don't serve (several ranges)
 * is answered with the whole.
 */
export function parseRange(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '');
  if (!match) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== '' && Number(last) < start) return undefined;
  return start >= size ? 'unsatisfiable' : { start, end };
}
