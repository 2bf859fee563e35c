// Known advisories, asked by the real npm from a registry on the loopback: one that knows something, one that
// knows nothing, one that does not answer the question, and one that is not there.
import { writeFileSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { knownAdvisories, readAnswer } from '../../../../scripts/audit/advisories.ts';

const advisory = {
  id: 1,
  url: 'https://advisories.example/1',
  title: 'It opens every door',
  severity: 'high',
  vulnerable_versions: '<2.0.0',
};

test('an advisory of a locked version is told with its title and address', async () => {
  const { advisories, asked } = await auditWith({ status: 200, body: { door: [advisory] } });
  expect(asked).toEqual([{ door: ['1.0.0'] }]);
  expect(advisories).toEqual({
    kind: 'found',
    lines: ['door <2.0.0 (high): It opens every door, https://advisories.example/1'],
  });
});

test('a registry that knows of none', async () => {
  const { advisories } = await auditWith({ status: 200, body: {} });
  expect(advisories).toEqual({ kind: 'none' });
});

test('a mirror that does not answer the question is no good news', async () => {
  const { advisories } = await auditWith({ status: 405, body: {} });
  expect(advisories).toEqual({ kind: 'not-asked', reason: expect.stringContaining('405') });
});

test('nor is a registry that is not there', async () => {
  const { advisories } = await auditWith(undefined);
  expect(advisories).toEqual({ kind: 'not-asked', reason: expect.stringContaining('ECONNREFUSED') });
});

test('what is neither a report nor an error is nothing', () => {
  for (const text of ['', 'null', '[]', '{"auditReportVersion":3}', '{"vulnerabilities":{}}'])
    expect(readAnswer(text)).toBeUndefined();
});

/** Runs npm in a tree that has `door` 1.0.0 locked; without an answer nobody listens. */
async function auditWith(answer: { status: number; body: object } | undefined) {
  await using root = await mkdtempDisposable(join(tmpdir(), 'advisories-'));
  const dependencies = { door: '1.0.0' };
  const own = { name: 'own', version: '1.0.0' };
  const packages = { '': { ...own, dependencies }, 'node_modules/door': { version: '1.0.0' } };
  writeFileSync(join(root.path, 'package.json'), JSON.stringify({ ...own, dependencies }));
  writeFileSync(
    join(root.path, 'package-lock.json'),
    JSON.stringify({ ...own, lockfileVersion: 3, packages }),
  );

  const asked: unknown[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts);
      if (request.url?.endsWith('/advisories/bulk'))
        asked.push(
          JSON.parse(String(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body)),
        );
      response.writeHead(request.url?.endsWith('/advisories/bulk') ? (answer?.status ?? 500) : 404);
      response.end(JSON.stringify(answer?.body ?? {}));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const closed = () => new Promise((resolve) => server.close(resolve));
  if (answer === undefined) await closed();
  const advisories = await knownAdvisories(root.path, {
    npm_config_registry: `http://127.0.0.1:${port}/`,
    npm_config_cache: join(root.path, 'cache'),
    npm_config_userconfig: join(root.path, 'npmrc'),
    HTTP_PROXY: '',
    http_proxy: '',
  });
  if (answer !== undefined) await closed();
  return { advisories, asked };
}
