// The real client against an HTTPS server on loopback that answers as an API server would, or doesn't.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Authority } from '../../../../gateway/join/authority.ts';
import { createKubernetes, pathOf } from '../../../../gateway/kubernetes/client.ts';
import { type NodeObject, nodes, pods, secrets } from '../../../../gateway/kubernetes/kinds.ts';
import type { Kubernetes } from '../../../../gateway/kubernetes/kubernetes.ts';
import { memoryKubernetes } from '../memory-kubernetes.ts';

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

let server: Server;
let answer: Answer;
let kubernetes: Kubernetes;

beforeEach(async () => {
  const authority = await Authority.open(memoryKubernetes());
  const { certificatePem, keyPem } = await authority.issueServing('127.0.0.1');
  server = createServer({ cert: certificatePem, key: keyPem }, async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    answer(request, response, body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    {
      name: 'c',
      server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
      caData: Buffer.from(authority.caPem).toString('base64'),
      skipTLSVerify: false,
    },
    { name: 'u', token: 'secret-token' },
  );
  kubernetes = createKubernetes(config);
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const json = (response: ServerResponse, status: number, value: unknown) => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
};

test.each([
  [pathOf(nodes, { name: 'idc-1' }), '/api/v1/nodes/idc-1'],
  [pathOf(secrets, { namespace: 'a', name: 'b' }), '/api/v1/namespaces/a/secrets/b'],
  [pathOf(pods, {}), '/api/v1/pods'],
  [pathOf(nodes, { namespace: 'ignored', name: 'a' }), '/api/v1/nodes/a'],
  [
    pathOf(secrets, { namespace: 'a', name: '../../nodes?x' }),
    '/api/v1/namespaces/a/secrets/..%2F..%2Fnodes%3Fx',
  ],
])('%s', (path, expected) => {
  expect(path).toBe(expected);
});

test('fields that nobody here knows come back as they were', async () => {
  let written = '';
  answer = (request, response, body) => {
    if (request.method === 'PUT') written = body;
    json(response, 200, { metadata: { name: 'idc-1' }, spec: { fromTheFuture: { deep: 1 } } });
  };
  const node = await kubernetes.get(nodes, 'idc-1');
  if (node) await kubernetes.replace(nodes, node);
  expect(JSON.parse(written)).toMatchObject({ spec: { fromTheFuture: { deep: 1 } }, kind: 'Node' });
});

test.each([
  ['merge', 'application/merge-patch+json'],
  ['json', 'application/json-patch+json'],
  ['strategic', 'application/strategic-merge-patch+json'],
] as const)('a %s patch says what it is', async (type, contentType) => {
  let seen: IncomingMessage | undefined;
  answer = (request, response) => {
    seen = request;
    json(response, 200, { metadata: { name: 'a' } });
  };
  await kubernetes.patch(nodes, 'a', {}, { type, subresource: 'status' });
  expect(seen?.headers['content-type']).toBe(contentType);
  expect(seen?.url).toBe('/api/v1/nodes/a/status');
  expect(seen?.headers.authorization).toBe('Bearer secret-token');
});

test('a list is read page by page', async () => {
  answer = (request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'https://x');
    const page = Number(searchParams.get('continue') ?? 0);
    const items = [{ metadata: { name: `n${page}` } }];
    json(response, 200, {
      metadata: { resourceVersion: '9', ...(page < 2 ? { continue: String(page + 1) } : {}) },
      items,
    });
  };
  const { items, resourceVersion } = await kubernetes.list(nodes);
  expect(items.map(({ metadata }) => metadata.name)).toEqual(['n0', 'n1', 'n2']);
  expect(resourceVersion).toBe('9');
});

describe('failures', () => {
  test('what is not there is undefined, or false when it was to be deleted', async () => {
    answer = (_request, response) => json(response, 404, { reason: 'NotFound', message: 'no' });
    expect(await kubernetes.get(nodes, 'a')).toBeUndefined();
    expect(await kubernetes.remove(nodes, 'a')).toBe(false);
  });

  test('a refusal has reason and message of the API server', async () => {
    answer = (_request, response) =>
      json(response, 403, { reason: 'Forbidden', message: 'nodes is forbidden' });
    await expect(kubernetes.list(nodes)).rejects.toMatchObject({
      reason: 'Forbidden',
      message: 'nodes is forbidden',
      status: 403,
    });
  });

  test('an answer that is no JSON is a failure too', async () => {
    answer = (_request, response) => response.writeHead(502).end('<html>proxy</html>');
    await expect(kubernetes.list(nodes)).rejects.toMatchObject({ status: 502, reason: 'Unknown' });
  });

  test('nobody there: one fault, without the token', async () => {
    server.close();
    const error: unknown = await kubernetes.get(nodes, 'a').catch((fault: unknown) => fault);
    expect(error).toMatchObject({ code: 'KUBERNETES_UNREACHABLE' });
    expect(String(error)).not.toContain('secret-token');
  });

  test('a kept connection that the server closes at that moment is no failure', async () => {
    let requests = 0;
    answer = (request, response) => {
      requests += 1;
      if (requests === 2) request.socket.destroy();
      else json(response, 200, { metadata: { name: 'a' } });
    };
    await kubernetes.get(nodes, 'a');
    expect(await kubernetes.get(nodes, 'a')).toMatchObject({ metadata: { name: 'a' } });
    expect(requests).toBe(3);
  });
});

test('an answer that breaks off is no answer', async () => {
  answer = (request, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('{"metadata":');
    setImmediate(() => request.socket.destroy());
  };
  await expect(kubernetes.get(nodes, 'a')).rejects.toMatchObject({ code: 'KUBERNETES_UNREACHABLE' });
});

describe('watch', () => {
  const line = (value: object) => `${JSON.stringify(value)}\n`;
  const watch = (limitMs = 5000) =>
    kubernetes.watch(nodes, { resourceVersion: '1', signal: AbortSignal.timeout(limitMs) });

  test('gives events however the bytes are cut, and ends with the answer', async () => {
    const text =
      line({ type: 'ADDED', object: { metadata: { name: 'ä' } } }) +
      line({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '7' } } });
    answer = (_request, response) => {
      const bytes = Buffer.from(text);
      response.write(bytes.subarray(0, 40));
      setImmediate(() => response.end(bytes.subarray(40)));
    };
    const events = await all(watch());
    expect(events).toMatchObject([
      { type: 'ADDED', object: { metadata: { name: 'ä' } } },
      { type: 'BOOKMARK', resourceVersion: '7' },
    ]);
  });

  test('one that breaks off is unreachable; what came before it counts', async () => {
    answer = (request, response) => {
      response.write(line({ type: 'ADDED', object: { metadata: { name: 'a' } } }));
      setTimeout(() => request.socket.destroy(), 20);
    };
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const event of watch()) seen.push(event);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'KUBERNETES_UNREACHABLE' });
    expect(seen).toHaveLength(1);
  });

  test('an ERROR event is the failure that it tells of', async () => {
    answer = (_request, response) =>
      response.end(line({ type: 'ERROR', object: { code: 410, reason: 'Expired', message: 'too old' } }));
    await expect(all(watch())).rejects.toMatchObject({ status: 410, reason: 'Expired' });
  });

  const nodeLine = (name: string, bytes: number, type = 'MODIFIED') => {
    const metadata = { name, uid: 'u', resourceVersion: '5', creationTimestamp: '2026-01-01T00:00:00Z' };
    const object = { kind: 'Node', apiVersion: 'v1', metadata, status: { long: '<' } };
    // As Go writes it: six bytes for one.
    return line({ type, object }).replace('<', '\\u003c'.repeat(bytes));
  };

  test('a line that is too large is not parsed: its object is named, and the next one is read', async () => {
    answer = (_request, response) =>
      response.end(nodeLine('large', 1_300_000) + nodeLine('gone', 200_000, 'DELETED') + nodeLine('b', 1));
    const place = { namespace: undefined, resourceVersion: '5' };
    expect(await all(watch(60_000))).toMatchObject([
      { type: 'UNREAD', name: 'large', isDeleted: false, ...place },
      { type: 'UNREAD', name: 'gone', isDeleted: true, ...place },
      { type: 'MODIFIED', object: { metadata: { name: 'b' }, status: { long: '<' } } },
    ]);
  });

  test('of one object that changes without end so much is parsed, of others all', async () => {
    const large = 150_000; // 900 kB
    answer = (_request, response) => {
      for (let times = 0; times < 6; times++) response.write(nodeLine('hostile', large));
      for (let times = 0; times < 20; times++) response.write(nodeLine(`also-${times}`, large));
      response.end(nodeLine('honest', 1000));
    };
    const events = await all(watch(60_000));
    const parsed = events.flatMap((event) => ('object' in event ? [event.object.metadata.name] : []));
    expect(events).toHaveLength(27);
    expect(parsed.filter((name) => name === 'hostile').length).toBeLessThanOrEqual(3);
    expect(parsed.length).toBeLessThan(24);
    expect(parsed.at(-1)).toBe('honest');
  });

  test('a refused watch is a failure', async () => {
    answer = (_request, response) => json(response, 403, { reason: 'Forbidden', message: 'no' });
    await expect(all(watch())).rejects.toMatchObject({ reason: 'Forbidden' });
  });
});

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

test('a page that is too large is asked for again with fewer objects, and all of them come', async () => {
  const large = new Set([3, 4, 5]);
  const limits: string[] = [];
  answer = (request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'https://x');
    limits.push(searchParams.get('limit') ?? '');
    const begin = Number(searchParams.get('continue') ?? 0);
    const end = Math.min(8, begin + Number(searchParams.get('limit')));
    const items = Array.from({ length: end - begin }, (_, index) => ({
      metadata: { name: `n${begin + index}` },
      ...(large.has(begin + index) && { status: { long: 'x'.repeat(7_800_000) } }),
    }));
    const next = end < 8 ? { continue: String(end) } : {};
    json(response, 200, { metadata: { resourceVersion: '9', ...next }, items });
  };
  const keep = ({ metadata: { name } }: NodeObject) => (name === 'n1' ? undefined : { metadata: { name } });
  const { items } = await kubernetes.list(nodes, { keep });
  expect(items).toEqual([0, 2, 3, 4, 5, 6, 7].map((index) => ({ metadata: { name: `n${index}` } })));
  expect(limits).toEqual(['500', '50', '5', '5']);
});

test('a list of more bytes than are allowed is given up, however many pages it has', async () => {
  let asked = 0;
  answer = (request, response) => {
    asked += 1;
    expect(request.url).toContain('limit=100');
    const item = { metadata: { name: `p${asked}`, annotations: { long: 'x'.repeat(4000) } } };
    json(response, 200, { items: [item], metadata: { resourceVersion: '1', continue: 'more' } });
  };
  await expect(kubernetes.list(pods, { mostBytes: 10_000 })).rejects.toMatchObject({
    code: 'KUBERNETES_UNREACHABLE',
    values: { detail: 'its answer is too large' },
  });
  expect(asked).toBe(3);
});
