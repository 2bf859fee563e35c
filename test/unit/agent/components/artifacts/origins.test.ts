// Downloads over real connections: a gateway and mirrors on loopback that break off, stall,
// redirect, swap and never end, and a bundle on the disk. Whatever they do, the staged file is the
// artifact or there is a coded refusal.
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { bundleOrigin } from '../../../../../agent/components/artifacts/bundle.ts';
import { gatewayManifests, gatewayOrigin } from '../../../../../agent/components/artifacts/gateway.ts';
import { mirrorOrigin } from '../../../../../agent/components/artifacts/mirror.ts';
import { rateLimit } from '../../../../../agent/components/artifacts/rate-limit.ts';
import { createGatewayApi, type GatewayApi } from '../../../../../agent/identity/gateway-api.ts';
import { openBackups } from '../../../../../agent/plan/backups.ts';
import { fetchArtifact } from '../../../../../agent/plan/fetch.ts';
import type { ArtifactOrigin, ArtifactSource } from '../../../../../agent/plan/source.ts';
import type { Artifact } from '../../../../../protocol/messages/desired.ts';
import { fixtureHost } from '../../../../fixtures/host.ts';
import { type FakeGateway, startGateway } from '../../../installer/gateway.ts';

vi.setConfig({ testTimeout: 30_000 });

const content = randomBytes(300_000);
const artifact: Artifact = {
  component: 'runc',
  version: '1.1.5',
  architecture: 'amd64',
  path: '/artifacts/runc-1.1.5-amd64.tar.gz',
  sizeBytes: content.length,
  sha256: createHash('sha256').update(content).digest('hex'),
};
const name = 'runc-1.1.5-amd64.tar.gz';
const staged = '/staging/part';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let secure: FakeGateway;
let plain: Server;
let plainUrl: string;
let answer: Answer;
let root: string;
let api: GatewayApi;

beforeAll(async () => {
  secure = await startGateway();
  plain = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
  plainUrl = `http://127.0.0.1:${(plain.address() as AddressInfo).port}/pub`;
  api = createGatewayApi({ url: secure.url, caPem: secure.caPem, environment: {} });
});
afterAll(async () => {
  api.close();
  await secure.close();
  plain.closeAllConnections();
  await new Promise((resolve) => plain.close(resolve));
});
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'regnode-origins-'));
  mkdirSync(join(root, 'staging'));
  secure.answers.clear();
  secure.requests.length = 0;
  answer = ranged(content);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** As a good server does it. */
function ranged(whole: Buffer): Answer {
  return (request, response) => {
    const start = startOf(request);
    if (start >= whole.length) return void response.writeHead(416).end();
    response.writeHead(start > 0 ? 206 : 200, {
      'content-length': whole.length - start,
      ...(start > 0 ? { 'content-range': `bytes ${start}-${whole.length - 1}/${whole.length}` } : {}),
    });
    response.end(whole.subarray(start));
  };
}

const startOf = (request: IncomingMessage) =>
  Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);

const mirror = (url = plainUrl, stallMs = 300, headMs = 10_000) =>
  mirrorOrigin(fixtureHost(root), url, { caPem: secure.caPem, stallMs, headMs });
const gateway = () => gatewayOrigin(api);

function fetch(
  origins: readonly ArtifactOrigin[],
  more: Partial<ArtifactSource> = {},
  wanted: Artifact = artifact,
): Promise<void> {
  const real = fixtureHost(root);
  // Pauses between tries are another test's matter.
  const host = { ...real, clock: { ...real.clock, sleep: async () => undefined } };
  return fetchArtifact({ host, backups: openBackups(host), source: { origins, ...more } }, wanted, staged);
}
const result = () => readFileSync(join(root, staged));

test('a password in the URL that an earlier release has noted goes to nobody, and is not told', async () => {
  const seen: (string | undefined)[] = [];
  answer = (request, response) => {
    seen.push(request.headers.authorization);
    ranged(content)(request, response);
  };
  const origin = mirror(plainUrl.replace('://', '://operator:hunter2@'));
  expect(origin.name).not.toMatch(/operator|hunter2/);
  await fetch([origin]);
  expect(result()).toEqual(content);
  expect(seen).toEqual([undefined]);
  let asked = 0;
  answer = (request, response) => {
    seen.push(request.headers.authorization);
    asked += 1;
    if (asked > 1) return ranged(content)(request, response);
    response.writeHead(302, { location: plainUrl.replace('://', '://operator:hunter2@') }).end();
  };
  rmSync(join(root, staged));
  await fetch([mirror()]);
  expect(seen).toEqual([undefined, undefined, undefined]);
  expect(mirror('https://operator:hunter2@[not-a-host/x').name).not.toContain('hunter2');
});

const flipped = Buffer.from(content);
flipped[200_000] = (flipped[200_000] ?? 0) ^ 1;

const damages: Readonly<Record<string, () => Answer>> = {
  'one bit flipped': () => ranged(flipped),
  'cut off in the middle': () => (request, response) => {
    const start = startOf(request);
    if (start > 0) return void response.destroy();
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 100_000), () => response.destroy());
  },
  'cut off, and it says that this is all': () => ranged(content.subarray(0, 100_000)),
  'it never ends': () => (_request, response) => {
    const send = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      if (!response.destroyed) response.once('drain', send);
    };
    send();
  },
  'it stalls': () => (_request, response) => {
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 1000));
  },
  'no answer at all': () => (_request, response) => void response.destroy(),
  'another file at each request': () => (request, response) =>
    ranged(randomBytes(content.length))(request, response),
  'another file from the middle on': () => {
    let count = 0;
    return (request, response) => {
      count += 1;
      if (count > 1) return ranged(flipped)(request, response);
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 100_000), () => response.destroy());
    };
  },
  'a redirect in a circle': () => (request, response) =>
    void response.writeHead(302, { location: request.url ?? '' }).end(),
  'a redirect to a file of the host': () => (_request, response) =>
    void response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
  'not there': () => (_request, response) => void response.writeHead(404).end(),
  'an error of the server': () => (_request, response) => void response.writeHead(500).end('sorry'),
  'a page that asks for a password': () => (_request, response) =>
    void response.writeHead(200).end('<html>log in</html>'),
};

describe.each(Object.entries(damages))('a mirror: %s', (_name, make) => {
  test('the gateway has it right', async () => {
    answer = make();
    secure.answers.set(artifact.path, ranged(content));
    await fetch([mirror(), gateway()]);
    expect(result().equals(content)).toBe(true);
  });

  test('and nobody else: a coded refusal, and never the whole size of anything wrong', async () => {
    answer = make();
    await expect(fetch([mirror(plainUrl, 50)])).rejects.toMatchObject({
      code: expect.stringMatching(/^ARTIFACT_(?:HASH_WRONG|DOWNLOAD_FAILED|MISSING)$/),
    });
    const host = fixtureHost(root);
    expect(await host.files.sha256(staged)).not.toBe(artifact.sha256);
    expect((await host.files.status(staged))?.sizeBytes ?? 0).toBeLessThan(content.length);
  }, 20_000);
});

describe('the gateway itself', () => {
  test.each([
    'one bit flipped',
    'it never ends',
    'another file from the middle on',
    'a redirect in a circle',
  ])('%s is refused', async (damage) => {
    const make = damages[damage];
    if (make) secure.answers.set(artifact.path, make());
    await expect(fetch([gateway()])).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:ARTIFACT_HASH_WRONG|ARTIFACT_DOWNLOAD_FAILED)$/),
    });
  });

  test('goes on where a download was cut off', async () => {
    // Larger than all the buffers on the way, which a connection that is torn takes with it.
    const large = randomBytes(8 * 1024 * 1024);
    const wanted = {
      ...artifact,
      sizeBytes: large.length,
      sha256: createHash('sha256').update(large).digest('hex'),
    };
    const starts: number[] = [];
    secure.answers.set(artifact.path, (request, response) => {
      const start = startOf(request);
      starts.push(start);
      if (starts.length > 1) return ranged(large)(request, response);
      response.writeHead(200, { 'content-length': large.length });
      response.write(large.subarray(0, 7 * 1024 * 1024), () => response.destroy());
    });
    await fetch([gateway()], {}, wanted);
    expect(result().equals(large)).toBe(true);
    expect(starts).toHaveLength(2);
    expect(starts[1]).toBeGreaterThan(0);
  });
});

describe('a mirror', () => {
  test('by https, with a certificate of the gateway’s CA; redirected', async () => {
    secure.answers.set(`/pub/${name}`, (_request, response) => {
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    secure.answers.set('/elsewhere', ranged(content));
    await fetch([mirror(`${secure.url}/pub/`)]);
    expect(result().equals(content)).toBe(true);
  });

  test('by https that sends us to a plain one is passed over; a plain one may send us anywhere', async () => {
    let asked = 0;
    answer = (request, response) => {
      asked += 1;
      ranged(content)(request, response);
    };
    secure.answers.set(`/pub/${name}`, (_request, response) => {
      response.writeHead(307, { location: `${plainUrl}/elsewhere` }).end();
    });
    secure.answers.set(artifact.path, ranged(content));
    await fetch([mirror(`${secure.url}/pub`), gateway()]);
    expect(result().equals(content)).toBe(true);
    expect(asked).toBe(0);
    rmSync(join(root, staged));
    answer = (_request, response) => void response.writeHead(302, { location: `${secure.url}/there` }).end();
    secure.answers.set('/there', ranged(content));
    await fetch([mirror()]);
    expect(result().equals(content)).toBe(true);
  });

  test('whose certificate nobody knows is passed over', async () => {
    const stranger = await startGateway();
    try {
      stranger.answers.set(`/${name}`, ranged(content));
      secure.answers.set(artifact.path, ranged(content));
      await fetch([mirror(stranger.url), gateway()]);
      expect(stranger.requests).toEqual([]);
    } finally {
      await stranger.close();
    }
  });

  test('without ranges sends the whole again', async () => {
    writeFileSync(join(root, staged), content.subarray(0, 1000));
    answer = (_request, response) => void response.writeHead(200).end(content);
    await fetch([mirror()]);
    expect(result().equals(content)).toBe(true);
  });

  test('that sends another range than the one asked for is passed over', async () => {
    writeFileSync(join(root, staged), content.subarray(0, 1000));
    answer = (_request, response) =>
      void response
        .writeHead(206, { 'content-range': `bytes 500-${content.length - 1}/${content.length}` })
        .end(content.subarray(500));
    secure.answers.set(artifact.path, ranged(content));
    await fetch([mirror(), gateway()]);
    expect(result().equals(content)).toBe(true);
  });
});

describe('a head of an answer that never ends', () => {
  test.each([
    ['a line after the other', 'HTTP/1.1 200 OK\r\n', 'x-more: y\r\n'],
    ['an interim answer after the other', '', 'HTTP/1.1 102 Processing\r\n\r\n'],
    ['nothing', '', ''],
  ])('%s: the mirror is left for the gateway, and its connection closed', async (_name, first, again) => {
    let closed = 0;
    const server = createTcpServer((socket) => {
      socket.write(first);
      const timer = setInterval(() => again !== '' && socket.write(again), 50);
      socket.on('error', () => undefined).on('data', () => undefined);
      socket.on('close', () => {
        clearInterval(timer);
        closed += 1;
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      secure.answers.set(artifact.path, ranged(content));
      await fetch([mirror(url, 300, 500), gateway()]);
      expect(result().equals(content)).toBe(true);
      await vi.waitFor(() => expect(closed).toBe(1));
    } finally {
      server.close();
    }
  });
});

describe('a manifest', () => {
  const inTime = (limitMs: number) => gatewayManifests(api, limitMs).read('manifest.json', 1000);

  test('that drips for ever is given up, with what it was', async () => {
    secure.answers.set('/artifacts/manifest.json', (_request, response) => {
      const timer = setInterval(() => response.write(' '), 50);
      response.on('close', () => clearInterval(timer));
    });
    await expect(inTime(400)).rejects.toMatchObject({
      code: 'GATEWAY_UNREACHABLE',
      values: { detail: 'it did not answer in time' },
    });
  });

  test('that is broken off is the gateway’s fault, and no defect', async () => {
    secure.answers.set('/artifacts/manifest.json', (_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('{', () => response.destroy());
    });
    await expect(inTime(20_000)).rejects.toMatchObject({ code: 'GATEWAY_UNREACHABLE' });
  });
});

describe('a bundle on the disk', () => {
  beforeEach(() => {
    mkdirSync(join(root, 'bundle'));
    writeFileSync(join(root, 'bundle', name), content);
    writeFileSync(join(root, 'bundle', 'manifest.json'), '{}');
  });

  test('as a folder, and from where a try before stopped', async () => {
    writeFileSync(join(root, staged), content.subarray(0, 1000));
    await fetch([bundleOrigin(fixtureHost(root), '/bundle')]);
    expect(result().equals(content)).toBe(true);
  });

  test.each([
    ['ustar', []],
    ['gnu', []],
    ['pax', []],
    ['gnu', ['--transform', 's,^,./,']],
  ])('as one tar in the format %s', async (format, more) => {
    const names = ['manifest.json', name];
    await execa('tar', [
      `--format=${format}`,
      '-C',
      join(root, 'bundle'),
      ...more,
      '-cf',
      join(root, 'bundle.tar'),
      ...names,
    ]);
    writeFileSync(join(root, staged), content.subarray(0, 1000));
    await fetch([bundleOrigin(fixtureHost(root), '/bundle.tar')]);
    expect(result().equals(content)).toBe(true);
  });

  test.each([
    ['is cut off', (tar: Buffer) => tar.subarray(0, 100_000)],
    [
      'has a flipped bit in a header',
      (tar: Buffer) => Buffer.concat([Buffer.from([tar[0] ?? 0 ^ 1]), tar.subarray(1)]),
    ],
    ['is no tar', () => Buffer.from('no tar')],
  ])('a tar that %s lacks it, and the gateway has it', async (_name, damage) => {
    await execa('tar', ['-C', join(root, 'bundle'), '-cf', join(root, 'bundle.tar'), name]);
    writeFileSync(join(root, 'bundle.tar'), damage(readFileSync(join(root, 'bundle.tar'))));
    secure.answers.set(artifact.path, ranged(content));
    await fetch([bundleOrigin(fixtureHost(root), '/bundle.tar'), gateway()]);
    expect(result().equals(content)).toBe(true);
  });

  test('whose archive was changed is refused, and the gateway asked', async () => {
    writeFileSync(join(root, 'bundle', name), flipped);
    await expect(fetch([bundleOrigin(fixtureHost(root), '/bundle')])).rejects.toMatchObject({
      code: 'ARTIFACT_HASH_WRONG',
    });
    secure.answers.set(artifact.path, ranged(content));
    await fetch([bundleOrigin(fixtureHost(root), '/bundle'), gateway()]);
    expect(result().equals(content)).toBe(true);
  });
});

test('a rate is kept by all downloads together', async () => {
  let nowMs = 0;
  const clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: async (milliseconds: number) => {
      nowMs += milliseconds;
    },
  };
  const pace = rateLimit(clock, 1000);
  for (let sent = 0; sent < 20_000; sent += 250) await pace(250);
  expect(nowMs).toBeGreaterThanOrEqual(19_000);
  expect(nowMs).toBeLessThanOrEqual(20_000);
});
