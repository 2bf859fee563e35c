// Who waits for whose refused joins, on a clock of the test's own and with tokens as they are stored.
import { beforeEach, describe, expect, test } from 'vitest';
import { createToken } from '../../../../gateway/join/token.ts';
import type { Kubernetes } from '../../../../gateway/kubernetes/kubernetes.ts';
import { type Claim, JoinPatience } from '../../../../gateway/serve/join-patience.ts';
import { Fault } from '../../../../protocol/catalogue/fault.ts';
import { memoryKubernetes } from '../memory-kubernetes.ts';

const nat = '203.0.113.7';
let kubernetes: Kubernetes;
let lists: number;
let now: number;
let patience: JoinPatience;

beforeEach(() => {
  const memory = memoryKubernetes();
  [lists, now] = [0, 1_000_000];
  kubernetes = {
    ...memory,
    list: (...asked) => {
      lists += 1;
      return memory.list(...asked);
    },
  };
  patience = new JoinPatience(kubernetes, () => now);
});

const make = async () =>
  (await createToken(kubernetes, { pool: 'idc', lifetimeMs: 3600_000, uses: 9 }, now)).text;
const wrongSecretOf = (text: string) => text.replace(/\..*/, `.${'x'.repeat(32)}`);
const invalid = new Fault('TOKEN_INVALID', { id: '?' });
const full = new Fault('POOL_FULL', { pool: 'idc', maxNodes: 1 });

/** 'admitted', or the seconds to wait. */
const outcome = (claim: Claim) =>
  patience.admit(claim).then(
    () => 'admitted',
    (fault: Fault) => fault.values.seconds,
  );
async function refuse(claim: Claim, fault: Fault, times: number): Promise<void> {
  for (let count = 0; count < times; count++) await patience.refusal(claim, fault);
}

test('twenty bad joins behind one address hold up no good token there, and all bad ones', async () => {
  const good = await make();
  const guess = (count: number) => ({ address: nat, token: `rt-aaaaaa.${String(count).padStart(32, '0')}` });
  for (let count = 0; count < 20; count++) await patience.refusal(guess(count), invalid);
  expect(await outcome(guess(20))).toBe(3);
  expect(await outcome({ address: nat })).toBe(3);
  expect(await outcome({ address: nat, token: wrongSecretOf(good) })).toBe(3);
  expect(await outcome({ address: nat, token: good, machineId: 'm' })).toBe('admitted');
  expect(await outcome({ address: '203.0.113.8', token: wrongSecretOf(good) })).toBe('admitted');
});

test('who knows the id of a token takes nothing from those who know its secret', async () => {
  const good = await make();
  await refuse({ address: nat, token: wrongSecretOf(good) }, invalid, 500);
  await refuse({ address: nat, token: wrongSecretOf(good), machineId: 'm' }, full, 500);
  expect(await outcome({ address: nat, token: good, machineId: 'm' })).toBe('admitted');
});

test('what is no request counts for its address, and is told to wait like the rest', async () => {
  const malformed = new Fault('REQUEST_MALFORMED', { detail: 'the body is no JSON' });
  await refuse({ address: nat }, malformed, 20);
  expect(await patience.refusal({ address: nat }, malformed)).toMatchObject({ code: 'TOO_MANY_REQUESTS' });
});

test('failures with a good token count for its machine, and for the token when there are many machines', async () => {
  const [one, other] = [await make(), await make()];
  const claim = (token: string, machineId: string) => ({ address: nat, token, machineId });
  await refuse(claim(one, 'a'), full, 20);
  expect(await outcome(claim(one, 'a'))).toBe(3);
  expect(await outcome(claim(one, 'b'))).toBe('admitted');
  for (let machine = 0; machine < 200; machine++) await refuse(claim(one, `m${machine}`), full, 1);
  expect(await outcome(claim(one, 'c'))).not.toBe('admitted');
  expect(await outcome(claim(other, 'a'))).toBe('admitted');
});

test('our own failures count for nobody', async () => {
  await refuse({ address: nat }, new Fault('GATEWAY_UNAVAILABLE', { detail: 'it is away' }), 100);
  expect(await outcome({ address: nat })).toBe('admitted');
});

test('a thousand at once from one address: twenty are looked at, and good tokens beside them', async () => {
  const good = await make();
  let looked = 0;
  const answer = Promise.withResolvers<never>();
  const ask = (token: string) =>
    patience.judged({ address: nat, token }, () => {
      looked += 1;
      return answer.promise;
    });
  const guesses = Array.from({ length: 1000 }, (_, count) =>
    ask(`rt-aaaaaa.${String(count).padStart(32, '0')}`).catch((fault: Fault) => fault.code),
  );
  await expect.poll(() => lists).toBe(1);
  await Promise.race(guesses);
  expect(looked).toBe(20);
  const well = ask(good).catch((fault: Fault) => fault.code);
  await expect.poll(() => looked).toBe(21);
  expect(await patience.judged({ address: '203.0.113.8' }, async () => 'looked at')).toBe('looked at');
  answer.reject(invalid);
  expect(Map.groupBy(await Promise.all([...guesses, well]), (code) => code)).toMatchObject(
    new Map([
      ['TOKEN_INVALID', expect.objectContaining({ length: 21 })],
      ['TOO_MANY_REQUESTS', expect.objectContaining({ length: 980 })],
    ]),
  );
  expect(await patience.judged({ address: nat }, async () => 'looked at')).toBe('looked at');
});

describe('guessing', () => {
  test('costs the API server one question in two seconds', async () => {
    for (let count = 0; count < 1000; count++) {
      const token = `rt-${String(count).padStart(6, '0')}.${'0'.repeat(32)}`;
      const claim = { address: nat, token };
      if ((await outcome(claim)) === 'admitted') await patience.refusal(claim, invalid);
      now += 10;
    }
    expect(lists).toBeLessThanOrEqual(6);
  });

  test('goes on while the API server is away, and is refused', async () => {
    await refuse({ address: nat }, invalid, 20);
    kubernetes.list = () => Promise.reject(new Error('away'));
    expect(await outcome({ address: nat, token: wrongSecretOf('rt-aaaaaa.x') })).toBe(3);
  });
});

test('refusals of whoever has networks without end are written down at a rate, the rest as a number', async () => {
  const told = await Promise.all(Array.from({ length: 5000 }, () => patience.news({ address: nat })));
  expect(told.filter(Boolean)).toHaveLength(500);
  now += 1000;
  expect(await patience.news({ address: nat })).toEqual({ others: 4500 });
});

test('who has no token hides no misuse of a good one: each token has a share of its own', async () => {
  const [one, other] = [await make(), await make()];
  for (let count = 0; count < 600; count++) await patience.news({ address: nat, token: wrongSecretOf(one) });
  expect(await patience.news({ address: nat })).toBeUndefined();
  expect(await patience.news({ address: nat, token: one })).toBeDefined();
  for (let count = 0; count < 200; count++) await patience.news({ address: nat, token: one });
  expect(await patience.news({ address: nat, token: one })).toBeUndefined();
  expect(await patience.news({ address: nat, token: other })).toBeDefined();
});
