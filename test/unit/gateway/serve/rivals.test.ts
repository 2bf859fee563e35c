// Whether the host that has a tunnel at another replica is there: one replica asks, the other answers by the
// session that it has; what is no question is refused, and what is no answer is none.
import { expect, test } from 'vitest';
import { answerHolder, askHolder, holderPath } from '../../../../gateway/serve/rivals.ts';
import type { Claimant } from '../../../../gateway/tunnel/inquiry.ts';

const claimant: Claimant = {
  node: 'idc-1',
  instance: 'c'.repeat(32),
  host: { address: '10.77.0.12', hostname: 'idc-1', bootId: '5e6f7a8b-0000' },
};
const holder = { address: '10.77.0.11', hostname: 'idc-1', bootId: '1a2b3c4d-0000' };

/** The replica `gw-a`, which asks whoever has the tunnel by this answer. */
function asking(holderOf: string | undefined, answer: (path: string) => Promise<string>) {
  const asked: string[] = [];
  const ask = async (replica: string, path: string) => {
    asked.push(replica);
    return answer(path);
  };
  return { asked, question: askHolder({ holderOf: () => holderOf, ask }, 'gw-a') };
}

test('the question arrives as it was asked, and the holder comes back', async () => {
  const seen: Claimant[] = [];
  const rivals = {
    holderHere: async (one: Claimant) => {
      seen.push(one);
      return holder;
    },
  };
  const { asked, question } = asking('gw-b', (path) => answerHolder(rivals, path));
  await expect(question(claimant)).resolves.toEqual(holder);
  expect(asked).toEqual(['gw-b']);
  expect(seen).toEqual([claimant]);
});

test('one that does not answer there is nobody', async () => {
  const rivals = { holderHere: async () => undefined };
  const { question } = asking('gw-b', (path) => answerHolder(rivals, path));
  await expect(question(claimant)).resolves.toBeUndefined();
});

test.each([
  ['nobody', undefined],
  ['this replica itself', 'gw-a'],
])('where %s has the tunnel nobody is asked', (_, holderOf) => {
  const { asked, question } = asking(holderOf, async () => '');
  expect(question(claimant)).toBeUndefined();
  expect(asked).toEqual([]);
});

test.each(['', 'no JSON', '[]', '{"holder":{"address":7}}', `{"holder":"${'x'.repeat(5000)}"}`])(
  'an answer that is none (%j) names nobody',
  async (text) => {
    const { question } = asking('gw-b', async () => text);
    await expect(question(claimant)).resolves.toBeUndefined();
  },
);

test.each(['', '!', Buffer.from('{"node":1}').toString('base64url')])(
  'what is no question (%j) is refused, and nobody is looked for',
  async (question) => {
    let looked = 0;
    const holderHere = async () => {
      looked += 1;
      return undefined;
    };
    await expect(answerHolder({ holderHere }, `${holderPath}${question}`)).rejects.toMatchObject({
      code: 'PATH_UNKNOWN',
    });
    expect(looked).toBe(0);
  },
);
