// Which language a program speaks: the flag, then its own variables, then the locale.
import { expect, test } from 'vitest';
import { languageOf } from '../../../../protocol/cli/language.ts';

test.each([
  [undefined, {}, 'en'],
  [undefined, { LANG: 'zh_CN.UTF-8' }, 'zh'],
  [undefined, { LANG: 'zh_CN.utf8' }, 'zh'],
  [undefined, { LANG: 'zh_CN.UTF-8', LC_ALL: 'C' }, 'en'],
  [undefined, { LANG: 'C', REGNODE_LANG: 'zh' }, 'zh'],
  [undefined, { LANG: 'zh_CN', REGNODE_LANG: '' }, 'zh'],
  [undefined, { LANG: 'C', REGNODE_LANGUAGE: 'zh' }, 'zh'],
  [undefined, { LANG: 'zh_CN.GBK' }, 'en'],
  [undefined, { LANG: 'zh_CN.GB18030', REGNODE_LANG: 'zh' }, 'zh'],
  ['zh', { LANG: 'zh_CN.GBK' }, 'zh'],
  ['en', { REGNODE_LANG: 'zh' }, 'en'],
])('--language %s in %j is %s', (flag, environment, expected) => {
  expect(languageOf(flag, environment)).toBe(expected);
});
