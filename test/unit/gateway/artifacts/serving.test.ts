// Serving artifacts over a real port: ranges, validators, and no way out of the folder.
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readlinkSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseRange, serveArtifact } from '../../../../gateway/artifacts/serving.ts';
import { ArtifactStore } from '../../../../gateway/artifacts/store.ts';
import type { Artifact } from '../../../../protocol/messages/desired.ts';
import { signManifest, testKey } from '../../../worlds/signing.ts';
import { openTestPort, type TestPort } from '../port.ts';

const content = randomBytes(100_000);
const sha256 = createHash('sha256').update(content).digest('hex');
const path = '/artifacts/runc-1.1.5-amd64.tar.gz';
const entry: Artifact = {
  component: 'runc',
  version: '1.1.5',
  architecture: 'amd64',
  path,
  sizeBytes: content.length,
  sha256,
};

const script = 'echo one\n';
const scriptName = `${createHash('sha256').update(script).digest('hex')}.sh`;

let folder: string;
let scriptFile: string;
let gateway: TestPort;
let store: ArtifactStore;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regnode-store-'));
  await mkdir(join(folder, 'store'));
  scriptFile = join(folder, 'store', scriptName);
  await writeFile(join(folder, 'secret'), 'secret');
  await writeFile(join(folder, 'store', 'runc-1.1.5-amd64.tar.gz'), content);
  await writeFile(join(folder, 'store', 'unlisted.tar.gz'), 'unlisted');
  await symlink('../secret', join(folder, 'store', 'link.tar.gz'));
  await writeFile(scriptFile, script);
  await writeFile(join(folder, 'store', `${'d'.repeat(64)}.sh`), 'not listed');
  await writeManifest([entry]);
  store = new ArtifactStore(join(folder, 'store'));
  gateway = await openTestPort(() => [
    {
      methods: ['GET', 'HEAD'],
      path: '/artifacts/',
      access: 'anybody',
      run: ({ request, response, path: asked }) => serveArtifact(store, asked, request, response),
    },
  ]);
});

afterAll(async () => {
  await gateway.port.close(0);
  await rm(folder, { recursive: true });
});

const key = testKey();
const writeManifest = async (artifacts: readonly Artifact[], into = join(folder, 'store'), changes = {}) => {
  const installers = [{ sha256: scriptName.slice(0, 64), sizeBytes: script.length }];
  const signed = signManifest(artifacts, key, { installers, ...changes });
  for (const [name, bytes] of signed.files) await writeFile(join(into, name), bytes);
  return signed;
};

/** The path goes out as it is: no client library tidies it up. */
function get(asked: string, headers: Record<string, string> = {}, method = 'GET') {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }>(
    (resolve, reject) => {
      const { port } = gateway.port.address;
      const options = { host: '127.0.0.1', port, path: asked, method, headers, ca: gateway.authority.caPem };
      https
        .request(options, async (response) => {
          const chunks: Buffer[] = [];
          for await (const chunk of response) chunks.push(chunk as Buffer);
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks),
          });
        })
        .on('error', reject)
        .end();
    },
  );
}

function openFiles(): string[] {
  return readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ''; // that of the folder itself
    }
  });
}

test('a whole file with its hash as ETag', async () => {
  const answer = await get(path);
  expect(answer).toMatchObject({ status: 200, headers: { etag: `"${sha256}"`, 'content-length': '100000' } });
  expect(answer.body.equals(content)).toBe(true);
});

test('an install.sh that the manifest lists, and no other bytes under its name', async () => {
  const asked = `/artifacts/${scriptName}`;
  expect((await get(asked)).body.toString()).toBe(script);
  expect(await get(asked, {}, 'HEAD')).toMatchObject({ status: 200, headers: { 'content-length': '9' } });
  expect((await get(`/artifacts/${'d'.repeat(64)}.sh`)).status).toBe(404);
  await writeFile(scriptFile, 'echo evil\n');
  expect((await get(asked)).status).toBe(404);
  await writeFile(scriptFile, script);
  expect((await get(asked)).status).toBe(200);
});

test('a peer that has gone before its answer began leaves no file open', async () => {
  const request = new IncomingMessage(new Socket());
  request.method = 'GET';
  const response = new ServerResponse(request).destroy();
  await serveArtifact(store, path, request, response);
  const file = join(folder, 'store', path.slice('/artifacts/'.length));
  expect(openFiles()).not.toContain(file);
});

test('downloads that nobody reads: beyond sixty-four, less of each waits in memory', async () => {
  const into = join(folder, 'big');
  await mkdir(into);
  const big: Artifact = { ...entry, path: '/artifacts/big.tar.gz', sizeBytes: 1_000_000 };
  await writeFile(join(into, 'big.tar.gz'), Buffer.alloc(big.sizeBytes));
  await writeFile(join(into, scriptName), script);
  await writeManifest([big], into);
  const bigStore = new ArtifactStore(into);
  const begin = async () => {
    const request = new IncomingMessage(new Socket());
    request.method = 'GET';
    const response = new ServerResponse(request);
    const over = serveArtifact(bigStore, big.path, request, response).catch(() => undefined);
    await expect.poll(() => response.writableLength, { timeout: 20_000 }).toBeGreaterThan(65_535);
    const end = async () => {
      response.destroy();
      await over;
    };
    return { waiting: response.writableLength, end };
  };
  const first = await Promise.all(Array.from({ length: 64 }, begin));
  for (const { waiting } of first) expect(waiting).toBeGreaterThan(200_000);
  const others = await Promise.all(Array.from({ length: 10 }, begin));
  for (const { waiting } of others) expect(waiting).toBeLessThan(70_000);
  for (const { end } of [...first, ...others]) await end();
  const later = await begin();
  expect(later.waiting).toBeGreaterThan(200_000);
  await later.end();
}, 60_000);

test('HEAD gives the headers alone', async () => {
  const answer = await get(path, {}, 'HEAD');
  expect(answer).toMatchObject({ status: 200, headers: { 'content-length': '100000' } });
  expect(answer.body).toHaveLength(0);
});

describe('ranges', () => {
  test.each([
    ['bytes=0-9', 0, 10],
    ['bytes=99990-', 99_990, 100_000],
    ['bytes=-7', 99_993, 100_000],
    ['bytes=5-99999999', 5, 100_000],
  ])('%s', async (range, start, end) => {
    const answer = await get(path, { range });
    expect(answer).toMatchObject({
      status: 206,
      headers: { 'content-range': `bytes ${start}-${end - 1}/100000` },
    });
    expect(answer.body.equals(content.subarray(start, end))).toBe(true);
  });

  test('a download that was whole already: 416 with the size', async () => {
    expect(await get(path, { range: 'bytes=100000-' })).toMatchObject({
      status: 416,
      headers: { 'content-range': 'bytes */100000' },
    });
  });

  test('going on is refused when the file is another one by now: the whole new one comes', async () => {
    const answer = await get(path, { range: 'bytes=50000-', 'if-range': '"of-before"' });
    expect(answer.status).toBe(200);
    expect(answer.body).toHaveLength(100_000);
    expect((await get(path, { range: 'bytes=50000-', 'if-range': `"${sha256}"` })).status).toBe(206);
  });

  test('what is already there is not sent again', async () => {
    expect(await get(path, { 'if-none-match': `"${sha256}"` })).toMatchObject({ status: 304 });
  });

  test.each(['bytes=', 'bytes=-', 'bytes=9-3', 'bytes=0-1,5-6', 'lines=1-2', 'bytes=a-b'])(
    '"%s" is no range',
    (header) => {
      expect(parseRange(header, 100)).toBeUndefined();
    },
  );

  test('no range of an empty file', () => {
    expect(parseRange('bytes=0-', 0)).toBe('unsatisfiable');
    expect(parseRange('bytes=-5', 0)).toBe('unsatisfiable');
  });
});

describe('404 for everything that the manifest does not list', () => {
  test.each([
    '/artifacts/../secret',
    '/artifacts/%2e%2e%2fsecret',
    '/artifacts/..%2fsecret',
    '/artifacts/....//secret',
    '/artifacts//etc/passwd',
    '/artifacts/link.tar.gz',
    '/artifacts/unlisted.tar.gz',
    '/artifacts/',
    '/artifacts',
    `${path}/`,
    `${path}%00`,
  ])('%s', async (asked) => {
    const answer = await get(asked);
    expect(answer.status).toBe(404);
    expect(answer.body.toString()).toContain('PATH_UNKNOWN');
  });
});

describe('the manifest', () => {
  test('is what the store holds', async () => {
    const served = await get('/artifacts/manifest.json');
    expect(JSON.parse(served.body.toString())).toMatchObject({ schema: 2, artifacts: [entry] });
    const { keySha256, sha256: manifestSha256 } = await store.manifest();
    expect(keySha256).toBe(key.id);
    expect((await get(`/artifacts/${manifestSha256}.sig`)).body.toString()).toContain(key.id);
    expect((await get(`/artifacts/${key.id}.pem`)).body.toString()).toBe(key.pem);
  });

  test('is read again when it changes', async () => {
    await writeManifest([entry, { ...entry, version: '1.2.0', path: '/artifacts/runc-1.2.0-amd64.tar.gz' }]);
    await utimes(join(folder, 'store', 'manifest.json'), 1, 1);
    expect((await store.manifest()).artifacts).toHaveLength(2);
    // Listed, and its file is missing.
    expect((await get('/artifacts/runc-1.2.0-amd64.tar.gz')).status).toBe(404);
  });

  test.each([
    ['another schema', { schema: 1 }],
    ['a path that leads out', { artifacts: [{ ...entry, licence: 'MIT', path: '/artifacts/../secret' }] }],
    ['no hash', { artifacts: [{ ...entry, licence: 'MIT', sha256: '' }] }],
    ['no licence', { artifacts: [entry] }],
    ['no expiry', { expiresAt: 'never' }],
    ['a new key that has not signed', { keys: [testKey().pem] }],
  ])('with %s is refused, though it is signed', async (_name, changes) => {
    await inAnotherStore(async (other) => {
      await writeManifest([entry], other, changes);
      await expect(new ArtifactStore(other).manifest()).rejects.toMatchObject({ code: 'MANIFEST_INVALID' });
    });
  });

  test('without a signature, with that of another one, or by another key than the named one is refused', async () => {
    await inAnotherStore(async (other) => {
      const refused = { code: 'MANIFEST_NOT_TRUSTED' };
      const { sha256: hash } = await writeManifest([entry], other);
      await expect(new ArtifactStore(other, testKey().id).manifest()).rejects.toMatchObject(refused);
      expect((await new ArtifactStore(other, key.id).manifest()).artifacts).toEqual([entry]);
      await rm(join(other, `${hash}.sig`));
      await expect(new ArtifactStore(other).manifest()).rejects.toMatchObject(refused);
      const { files } = signManifest([], key);
      const [, wrong = Buffer.alloc(0)] = [...files.values()];
      await writeFile(join(other, `${hash}.sig`), wrong);
      await expect(new ArtifactStore(other).manifest()).rejects.toMatchObject(refused);
    });
  });

  test('a store that is not there is an error, not an empty store', async () => {
    await expect(new ArtifactStore('/nonexistent').manifest()).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
    });
  });
});

async function inAnotherStore(act: (folder: string) => Promise<void>): Promise<void> {
  const other = await mkdtemp(join(tmpdir(), 'regnode-store-'));
  try {
    await act(other);
  } finally {
    await rm(other, { recursive: true });
  }
}
