// Join tokens: what is refused, and that a use is taken exactly once, whoever asks at the same time.
import { describe, expect, test } from 'vitest';
import {
  checkToken,
  consumeToken,
  createToken,
  listTokens,
  revokeToken,
  type TokenBinding,
} from '../../../../gateway/join/token.ts';
import { secrets } from '../../../../gateway/kubernetes/kinds.ts';
import { memoryKubernetes } from '../memory-kubernetes.ts';

const now = Date.parse('2026-01-01T00:00:00Z');
const hour = 3600_000;
const host = (n: number) => ({
  nodeName: `idc-${n}`,
  keySha256: `key-${n}`,
  machineId: String(n).repeat(32),
  source: `10.77.0.${n}`,
});

async function oneToken(uses = 1) {
  const kubernetes = memoryKubernetes();
  return { kubernetes, ...(await createToken(kubernetes, { pool: 'idc', lifetimeMs: hour, uses }, now)) };
}

describe('refused', () => {
  test.each([
    ['empty', ''],
    ['no secret', 'rt-abc123'],
    ['upper case', `rt-ABC123.${'a'.repeat(32)}`],
    ['too long', `rt-abc123.${'a'.repeat(33)}`],
    ['a path', `rt-../../.${'a'.repeat(32)}`],
  ])('%s has not the form of a token, and Kubernetes is not asked', async (_name, text) => {
    const { kubernetes } = await oneToken();
    kubernetes.before = () => {
      throw new Error('asked');
    };
    await expect(checkToken(kubernetes, text, host(1), now)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
  });

  test('an unknown id', async () => {
    const { kubernetes } = await oneToken();
    const text = `rt-zzzzzz.${'a'.repeat(32)}`;
    await expect(checkToken(kubernetes, text, host(1), now)).rejects.toMatchObject({
      code: 'TOKEN_INVALID',
      values: { id: 'zzzzzz' },
    });
  });

  test('a wrong secret, with an error that does not hold it', async () => {
    const { kubernetes, token } = await oneToken();
    const text = `rt-${token.id}.${'a'.repeat(32)}`;
    const error = await checkToken(kubernetes, text, host(1), now).catch((fault: unknown) => fault);
    expect(error).toMatchObject({ code: 'TOKEN_INVALID' });
    expect(JSON.stringify(error)).not.toContain('aaaa');
  });

  test('expired, at the very moment', async () => {
    const { kubernetes, text, token } = await oneToken();
    const late = now + hour;
    await expect(checkToken(kubernetes, text, host(1), late)).rejects.toMatchObject({
      code: 'TOKEN_EXPIRED',
      values: { id: token.id, pool: 'idc' },
    });
    await expect(consumeToken(kubernetes, token.id, host(1), late)).rejects.toMatchObject({
      code: 'TOKEN_EXPIRED',
    });
  });

  test('another secret of the namespace is no token, whatever its name', async () => {
    const { kubernetes, text, token } = await oneToken();
    const name = `regnode-token-${token.id}`;
    const [stored] = kubernetes.stored(secrets);
    await kubernetes.remove(secrets, name, { namespace: 'regnode-tokens' });
    const metadata = { name, namespace: 'regnode-tokens' };
    await kubernetes.create(secrets, { metadata, type: 'Opaque', data: stored?.data ?? {} });
    await expect(checkToken(kubernetes, text, host(1), now)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
  });
});

describe('uses', () => {
  test('of five hosts at once exactly one gets the one use', async () => {
    const { kubernetes, token } = await oneToken();
    const outcomes = await Promise.allSettled(
      [1, 2, 3, 4, 5].map((n) => consumeToken(kubernetes, token.id, host(n), now)),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const [stored] = await listTokens(kubernetes);
    expect(stored).toMatchObject({ usesLeft: 0, usesAllowed: 1 });
    expect(stored?.usedBy).toHaveLength(1);
  });

  test('the same key asks again without a second use, another key does not', async () => {
    const { kubernetes, text, token } = await oneToken();
    await consumeToken(kubernetes, token.id, host(1), now);
    await consumeToken(kubernetes, token.id, host(1), now);
    await expect(checkToken(kubernetes, text, host(1), now)).resolves.toMatchObject({ usesLeft: 0 });
    const other = { ...host(1), keySha256: 'another' };
    await expect(checkToken(kubernetes, text, other, now)).rejects.toMatchObject({ code: 'TOKEN_USED_UP' });
    await expect(consumeToken(kubernetes, token.id, other, now)).rejects.toMatchObject({
      code: 'TOKEN_USED_UP',
    });
  });

  test('checking takes nothing', async () => {
    const { kubernetes, text } = await oneToken(2);
    await checkToken(kubernetes, text, host(1), now);
    await checkToken(kubernetes, text, host(2), now);
    expect((await listTokens(kubernetes))[0]).toMatchObject({ usesLeft: 2 });
  });

  test('a token that is revoked between check and use is not used', async () => {
    const { kubernetes, text, token } = await oneToken();
    await checkToken(kubernetes, text, host(1), now);
    expect(await revokeToken(kubernetes, text)).toBe(true);
    await expect(consumeToken(kubernetes, token.id, host(1), now)).rejects.toMatchObject({
      code: 'TOKEN_INVALID',
    });
  });
});

test('the secret is stored nowhere', async () => {
  const { kubernetes, text } = await oneToken();
  const secret = text.split('.')[1] ?? '';
  const stored = JSON.stringify(kubernetes.stored(secrets), (_key, value: unknown) =>
    typeof value === 'string' ? `${value} ${Buffer.from(value, 'base64').toString()}` : value,
  );
  expect(stored).not.toContain(secret);
  expect(JSON.stringify(await listTokens(kubernetes))).not.toContain(secret);
});

test('revoking takes an id or a whole token, and nothing else', async () => {
  const { kubernetes, token } = await oneToken();
  expect(await revokeToken(kubernetes, '../secrets/regnode-ca')).toBe(false);
  expect(await revokeToken(kubernetes, 'nosuch')).toBe(false);
  expect(await revokeToken(kubernetes, token.id)).toBe(true);
  expect(await listTokens(kubernetes)).toEqual([]);
});

describe('a token that is bound', () => {
  test.each<[string, TokenBinding]>([
    ['to a name', { nodeName: 'idc-1' }],
    ['to a machine', { machineId: '1'.repeat(32) }],
    ['to where the host comes from', { cidrs: ['10.99.0.0/16', '10.77.0.1/32'] }],
    ['to all of them', { nodeName: 'idc-1', machineId: '1'.repeat(32), cidrs: ['10.77.0.0/31'] }],
  ])('%s admits that host and no other, and is listed with it', async (_name, binding) => {
    const kubernetes = memoryKubernetes();
    const options = { pool: 'idc', lifetimeMs: hour, uses: 2, binding };
    const { text, token } = await createToken(kubernetes, options, now);
    const refusal = { code: 'TOKEN_NOT_FOR_THIS_HOST', values: { id: token.id, pool: 'idc' } };
    await expect(checkToken(kubernetes, text, host(2), now)).rejects.toMatchObject(refusal);
    await expect(consumeToken(kubernetes, token.id, host(2), now)).rejects.toMatchObject(refusal);
    await checkToken(kubernetes, text, host(1), now);
    await consumeToken(kubernetes, token.id, host(1), now);
    expect(await listTokens(kubernetes)).toMatchObject([{ usesLeft: 1, binding }]);
  });

  test('who has not said its name yet is asked for where it comes from', async () => {
    const kubernetes = memoryKubernetes();
    const binding = { nodeName: 'idc-1', machineId: '1'.repeat(32), cidrs: ['10.77.0.1/32'] };
    const { text } = await createToken(kubernetes, { pool: 'idc', lifetimeMs: hour, uses: 1, binding }, now);
    await checkToken(kubernetes, text, { source: '10.77.0.1' }, now);
    await expect(checkToken(kubernetes, text, { source: '10.77.0.2' }, now)).rejects.toMatchObject({
      code: 'TOKEN_NOT_FOR_THIS_HOST',
    });
  });

  test('an IPv4 address in IPv6 is the same address, and a source that is none is nowhere', async () => {
    const kubernetes = memoryKubernetes();
    const binding = { cidrs: ['10.77.0.0/24'] };
    const { text } = await createToken(kubernetes, { pool: 'idc', lifetimeMs: hour, uses: 1, binding }, now);
    await checkToken(kubernetes, text, { ...host(1), source: '::ffff:10.77.0.1' }, now);
    await expect(checkToken(kubernetes, text, { ...host(1), source: '' }, now)).rejects.toMatchObject({
      code: 'TOKEN_NOT_FOR_THIS_HOST',
    });
  });
});
