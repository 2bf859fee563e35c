// The archive's way to the host: cut off, spoilt, endless, from a mirror, from a folder. Whatever arrives,
// only bytes with the right sha256 are unpacked, and a refused one leaves no file behind.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { bytes, type FakeGateway, sha256, startGateway } from './gateway.ts';
import { install, isRoot, type Outcome, ThrowAwayMachine, temporaryFolder } from './installation.ts';
import { makePayload } from './payload.ts';

vi.setConfig({ testTimeout: 300_000 });

let gateway: FakeGateway;
let folder: string;
let host: string;
const archive = makePayload('1.0.0');
const path = '/artifacts/regnode-1.0.0-linux-amd64.tar.gz';

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());
beforeEach(() => {
  folder = temporaryFolder();
  host = join(folder, 'host');
  writeFileSync(join(folder, 'ca.pem'), gateway.caPem);
  gateway.requests.length = 0;
  gateway.offer('1.0.0', archive);
});
afterEach(() => rmSync(folder, { recursive: true }));

function run(...more: string[]): Promise<Outcome> {
  const flags = ['--root', host, '--gateway', gateway.url, '--ca-file', join(folder, 'ca.pem')];
  return install([...flags, '--artifact-key-sha256', gateway.artifactKey.id, ...more]);
}

function machineFlags(): string[] {
  const trust = ['--ca-sha256', sha256(gateway.caPem), '--artifact-key-sha256', gateway.artifactKey.id];
  return ['--gateway', gateway.url, ...trust, '--no-join'];
}

function expectInstalled(outcome: Outcome): void {
  expect(outcome.stderr).not.toContain('[fail]');
  expect(outcome.exitCode).toBe(0);
  expect(readFileSync(join(host, 'opt/regnode/VERSION'), 'utf8')).toBe('1.0.0\n');
}

function expectNothing(outcome: Outcome, code: string): void {
  expect(outcome.stderr).toContain(`[fail] ${code}: `);
  expect(outcome.exitCode).toBe(1);
  expect(readdirSync(host)).toEqual(['run']);
}

describe('refused', () => {
  test('one byte flipped', async () => {
    const spoilt = Buffer.from(archive);
    spoilt[spoilt.length >> 1] = (spoilt[spoilt.length >> 1] ?? 0) ^ 1;
    gateway.answers.set(path, bytes(spoilt));
    expectNothing(await run(), 'ARTIFACT_HASH_WRONG');
  });

  test('longer than the manifest says', async () => {
    gateway.answers.set(path, bytes(Buffer.concat([archive, archive])));
    expectNothing(await run(), 'ARTIFACT_HASH_WRONG');
  });

  test('endless', async () => {
    let sentBytes = 0;
    gateway.answers.set(path, (_request, response) => {
      const block = Buffer.alloc(64 * 1024);
      const send = () => {
        while (!response.destroyed && response.write(block)) sentBytes += block.length;
        if (!response.destroyed) response.once('drain', send);
      };
      send();
    });
    const outcome = await run();
    expect(outcome.stderr).toContain('[fail] ARTIFACT_HASH_WRONG: ');
    expect(readdirSync(host)).toEqual(['run']);
    // What the socket buffers hold is sent and thrown away; the disk sees twice the size at most.
    expect(sentBytes).toBeLessThan(64 * 1024 * 1024);
  });

  test('always cut off at the same place', async () => {
    gateway.answers.set(path, (request, response) => {
      if (request.headers.range) return void response.destroy();
      response.writeHead(200, { 'content-length': archive.length });
      response.write(archive.subarray(0, 1000), () => response.destroy());
    });
    const outcome = await run();
    expectNothing(outcome, 'ARTIFACT_DOWNLOAD_FAILED');
  }, 300_000);

  test('not there', async () => {
    gateway.answers.delete(path);
    expectNothing(await run(), 'ARTIFACT_DOWNLOAD_FAILED');
  });

  test('a redirect of the gateway is not followed', async () => {
    const elsewhere = await startGateway();
    try {
      elsewhere.offer('1.0.0', archive);
      gateway.answers.set(path, (_request, response) => {
        response.writeHead(302, { location: `${elsewhere.url}${path}` }).end();
      });
      const outcome = await run();
      expect(outcome.exitCode).toBe(1);
      expect(elsewhere.requests).toEqual([]);
    } finally {
      await elsewhere.close();
    }
  }, 300_000);

  test('right hash, but no archive', async () => {
    gateway.offer('1.0.0', Buffer.from('this is no archive'));
    expectNothing(await run(), 'UNPACK_FAILED');
  });

  test.runIf(isRoot)('no room', async () => {
    const machine = new ThrowAwayMachine();
    try {
      const outcome = await machine.install(machineFlags(), {
        prepare: 'mount -t tmpfs -o size=16m tmpfs /opt',
        after: 'ls -A /opt >/run/calls',
      });
      expect(outcome.stderr).toMatch(
        /\[fail\] NO_SPACE: There is not enough room under \/opt: 16 MiB free, \d+ MiB needed/,
      );
      expect(outcome.exitCode).toBe(1);
      expect(machine.calls()).toEqual([]);
      expect(gateway.requests).not.toContain(`GET ${path}`);
    } finally {
      machine.remove();
    }
  });

  test.runIf(isRoot)('the disk is full in the middle of unpacking', async () => {
    gateway.offer('1.0.0', makePayload('1.0.0', { ballastMiB: 64 }));
    const machine = new ThrowAwayMachine();
    try {
      const outcome = await machine.install(machineFlags(), {
        prepare: 'mount -t tmpfs -o size=40m tmpfs /opt',
        after: 'ls -A /opt >/run/calls',
      });
      expect(outcome.stderr).toContain('[fail] NO_SPACE: ');
      expect(machine.calls()).toEqual([]);
    } finally {
      machine.remove();
    }
  });
});

describe('accepted', () => {
  test('goes on where it was cut off', async () => {
    let cut = 0;
    gateway.answers.set(path, (request, response) => {
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      cut += 1;
      if (cut > 3) return void bytes(archive)(request, response);
      response.writeHead(start > 0 ? 206 : 200, {
        'content-length': archive.length - start,
        ...(start > 0 ? { 'content-range': `bytes ${start}-${archive.length - 1}/${archive.length}` } : {}),
      });
      response.write(archive.subarray(start, start + 700), () => response.destroy());
    });
    expectInstalled(await run());
    const asked = gateway.requests.filter((request) => request.includes(path));
    expect(asked.length).toBe(4);
    expect(asked.slice(1).every((request) => / bytes=\d+-$/.test(request))).toBe(true);
  }, 300_000);

  test('from a server without ranges', async () => {
    let first = true;
    gateway.answers.set(path, (_request, response) => {
      response.writeHead(200, { 'content-length': archive.length });
      if (!first) return void response.end(archive);
      first = false;
      response.write(archive.subarray(0, 700), () => response.destroy());
    });
    expectInstalled(await run());
  }, 300_000);

  test('from a mirror: the archive there, the manifest from the gateway', async () => {
    const mirror = await startGateway();
    try {
      mirror.answers.set(`/pub/${path.split('/').at(-1)}`, bytes(archive));
      const outcome = await install(
        ['--root', host, '--gateway', gateway.url, '--ca-file', join(folder, 'ca.pem'), '--mirror', 'cn'],
        {
          environment: {
            REGNODE_ARTIFACT_KEY_SHA256: gateway.artifactKey.id,
            REGNODE_MIRROR_CN: `${mirror.url}/pub/`,
            CURL_CA_BUNDLE: mirrorCa(mirror),
          },
        },
      );
      expectInstalled(outcome);
      expect(gateway.archiveRequests()).toEqual([]);
      expect(mirror.requests.length).toBe(1);
    } finally {
      await mirror.close();
    }
  });

  test('from the gateway, when a mirror sends the line from https to http; one that stays with https is followed', async () => {
    const mirror = await startGateway();
    const asked: string[] = [];
    const plain = createServer((request, response) => {
      asked.push(request.url ?? '');
      bytes(archive)(request, response);
    });
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    try {
      const name = 'regnode-1.0.0-linux-amd64.tar.gz';
      const location = `http://127.0.0.1:${(plain.address() as AddressInfo).port}/${name}`;
      const to = (place: string) => (_request: IncomingMessage, response: ServerResponse) =>
        void response.writeHead(302, { location: place }).end();
      mirror.answers.set(`/plain/${name}`, to(location));
      mirror.answers.set(`/moved/${name}`, to(`/here/${name}`));
      mirror.answers.set(`/here/${name}`, bytes(archive));
      const environment = {
        CURL_CA_BUNDLE: mirrorCa(mirror),
        REGNODE_ARTIFACT_KEY_SHA256: gateway.artifactKey.id,
      };
      const flags = ['--root', host, '--gateway', gateway.url, '--ca-file', join(folder, 'ca.pem')];
      expectInstalled(await install([...flags, '--mirror', `${mirror.url}/plain`], { environment }));
      expect(asked).toEqual([]);
      expect(gateway.archiveRequests()).toEqual([`GET ${path}`]);
      rmSync(host, { recursive: true });
      expectInstalled(await install([...flags, '--mirror', `${mirror.url}/moved`], { environment }));
      expect(gateway.archiveRequests()).toEqual([`GET ${path}`]);
    } finally {
      await mirror.close();
      plain.closeAllConnections();
      plain.close();
    }
  }, 300_000);

  test('from the second mirror, when the first is away, and from the gateway, when all others are', async () => {
    const mirror = await startGateway();
    try {
      mirror.answers.set('/good/regnode-1.0.0-linux-amd64.tar.gz', bytes(archive));
      const environment = {
        CURL_CA_BUNDLE: mirrorCa(mirror),
        REGNODE_ARTIFACT_KEY_SHA256: gateway.artifactKey.id,
      };
      const flags = ['--root', host, '--gateway', gateway.url, '--ca-file', join(folder, 'ca.pem')];
      const away = ['--mirror', 'https://127.0.0.1:1', '--mirror', `${mirror.url}/empty`];
      expectInstalled(await install([...flags, ...away, '--mirror', `${mirror.url}/good`], { environment }));
      expect(gateway.archiveRequests()).toEqual([]);
      rmSync(host, { recursive: true });
      expectInstalled(await install([...flags, ...away], { environment }));
      expect(gateway.archiveRequests()).toEqual([`GET ${path}`]);
    } finally {
      await mirror.close();
    }
  }, 300_000);

  test.each([
    ['flipped', () => Buffer.concat([archive.subarray(0, 500), Buffer.from('x'), archive.subarray(501)])],
    ['too long', () => Buffer.concat([archive, archive])],
    ['too short', () => archive.subarray(0, 500)],
  ])(
    'from the gateway, when what the mirror has is %s',
    async (_name, damaged) => {
      const mirror = await startGateway();
      try {
        mirror.answers.set('/regnode-1.0.0-linux-amd64.tar.gz', bytes(damaged()));
        const environment = {
          CURL_CA_BUNDLE: mirrorCa(mirror),
          REGNODE_ARTIFACT_KEY_SHA256: gateway.artifactKey.id,
        };
        const flags = ['--root', host, '--gateway', gateway.url, '--ca-file', join(folder, 'ca.pem')];
        expectInstalled(await install([...flags, '--mirror', mirror.url], { environment }));
      } finally {
        await mirror.close();
      }
    },
    300_000,
  );

  test('from the gateway, when the mirror drips, within a minute or so, and with what it has brought', async () => {
    const long = makePayload('1.0.0', { noiseKiB: 1024 });
    gateway.offer('1.0.0', long);
    const mirror = await startGateway();
    const timers: NodeJS.Timeout[] = [];
    try {
      // Faster than a line that is dead, and slower than any that is of use: all of it takes four minutes.
      mirror.answers.set('/regnode-1.0.0-linux-amd64.tar.gz', (_request, response) => {
        response.writeHead(200, { 'content-length': long.length });
        let sent = 0;
        timers.push(
          setInterval(() => {
            response.write(long.subarray(sent, sent + 2048));
            sent += 2048;
          }, 500),
        );
      });
      const environment = {
        CURL_CA_BUNDLE: mirrorCa(mirror),
        REGNODE_ARTIFACT_KEY_SHA256: gateway.artifactKey.id,
      };
      const flags = ['--root', host, '--gateway', gateway.url, '--ca-file', join(folder, 'ca.pem')];
      const began = performance.now();
      expectInstalled(await install([...flags, '--mirror', mirror.url], { environment }));
      expect(performance.now() - began).toBeLessThan(150_000);
      expect(mirror.requests).toHaveLength(1);
    } finally {
      for (const timer of timers) clearInterval(timer);
      await mirror.close();
    }
  }, 300_000);

  test('from the gateway, when the mirror breaks off behind a wrong byte, again and again', async () => {
    const mirror = await startGateway();
    try {
      mirror.answers.set('/regnode-1.0.0-linux-amd64.tar.gz', (_request, response) => {
        response.writeHead(200, { 'content-length': archive.length });
        response.write(Buffer.from('x'), () => response.destroy());
      });
      const environment = {
        CURL_CA_BUNDLE: mirrorCa(mirror),
        REGNODE_ARTIFACT_KEY_SHA256: gateway.artifactKey.id,
      };
      const flags = ['--root', host, '--gateway', gateway.url, '--ca-file', join(folder, 'ca.pem')];
      expectInstalled(await install([...flags, '--mirror', mirror.url], { environment }));
      expect(mirror.requests).toHaveLength(1);
    } finally {
      await mirror.close();
    }
  }, 300_000);

  test('from a folder, or one tar of it, with no network at all', async () => {
    const bundle = join(folder, 'bundle');
    mkdirSync(bundle);
    for (const [name, content] of gateway.offer('1.0.0', archive).files)
      writeFileSync(join(bundle, name), content);
    const flags = ['--root', host, '--artifact-key-sha256', gateway.artifactKey.id, '--no-join'];
    expectNothing(await install([...flags, '--artifact-dir', bundle]), 'ARTIFACT_MISSING');
    writeFileSync(join(bundle, 'regnode-1.0.0-linux-amd64.tar.gz'), archive);
    expectInstalled(await install([...flags, '--artifact-dir', bundle]));
    rmSync(host, { recursive: true });
    await execa('tar', ['-C', bundle, '-cf', join(folder, 'bundle.tar'), '.', '--transform', 's,^\\./,,']);
    rmSync(bundle, { recursive: true });
    expectInstalled(await install([...flags, '--artifact-dir', join(folder, 'bundle.tar')]));
    expect(gateway.requests).toEqual([]);
  });

  test('the newest of several', async () => {
    const artifacts = ['0.9.0', '1.0.0', '0.10.0'].flatMap(
      (version) => gateway.offer(version, archive).artifacts,
    );
    gateway.publish(artifacts);
    expectInstalled(await run());
  });

  test('modes and layout', async () => {
    expectInstalled(await run());
    const home = join(host, 'opt/regnode');
    expect(statSync(home).mode & 0o777).toBe(0o755);
    expect(statSync(join(home, 'bin/regnode')).mode & 0o777).toBe(0o755);
    expect(existsSync(join(host, 'etc/systemd/system/regnode.service'))).toBe(true);
    expect(readdirSync(join(home, 'releases')).length).toBe(1);
  });
});

function mirrorCa(mirror: FakeGateway): string {
  const file = join(folder, 'mirror-ca.pem');
  writeFileSync(file, mirror.caPem);
  return file;
}
