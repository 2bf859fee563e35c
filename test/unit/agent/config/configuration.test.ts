// agent.json is parsed, not trusted: each mistake is told with where it is and what was expected.
import { expect, test } from 'vitest';
import { encodeConfiguration, parseConfiguration } from '../../../../agent/config/configuration.ts';
import { nearest } from '../../../../agent/config/nearest.ts';

const good = { gatewayUrl: 'https://gateway.example:9000', nodeName: 'idc-1', pool: 'idc' };
const detailOf = (text: string) => {
  try {
    parseConfiguration(text, '/etc/regnode/agent.json');
    return 'nothing wrong';
  } catch (error) {
    return (error as { values: { detail: string } }).values.detail;
  }
};

test.each([
  ['', /JSON/],
  ['[]', /the file: expected/],
  ['{"gatewayUrl":', /JSON/],
  [JSON.stringify({ ...good, gatewayUrl: 'http://x' }), /^gatewayUrl: expected an https:\/\/ URL$/],
  [JSON.stringify({ ...good, nodeName: 'IDC_1' }), /^nodeName: expected a valid node name$/],
  [JSON.stringify({ ...good, pool: '' }), /^pool: expected the name of a pool$/],
  [JSON.stringify({ ...good, gatewayURL: 'x' }), /unknown key "gatewayURL", did you mean "gatewayUrl"\?/],
  [JSON.stringify({ ...good, zzz: 1 }), /^unknown key "zzz"$/],
])('%s', (text, expected) => {
  expect(detailOf(text)).toMatch(expected);
});

test('what is written is what is read, without a slash at the end of the URL', () => {
  expect(parseConfiguration(encodeConfiguration(good), 'x')).toEqual(good);
  expect(parseConfiguration(JSON.stringify({ ...good, gatewayUrl: 'https://g/' }), 'x').gatewayUrl).toBe(
    'https://g',
  );
});

test.each([
  ['TOKEN_EXPIRD', 'TOKEN_EXPIRED'],
  ['token_expired', 'TOKEN_EXPIRED'],
  ['ENTIRELY_DIFFERENT', undefined],
  ['', undefined],
])('nearest to %j is %j', (word, expected) => {
  expect(nearest(word, ['TOKEN_EXPIRED', 'TOKEN_INVALID', 'POOL_FULL'])).toBe(expected);
});
