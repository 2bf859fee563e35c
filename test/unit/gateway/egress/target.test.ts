// What CONNECT may name.
import { expect, test } from 'vitest';
import { formatConnectTarget, parseConnectTarget } from '../../../../gateway/egress/target.ts';

test.each([
  '',
  'idc-1',
  'idc-1:',
  ':10250',
  'idc-1:0',
  'idc-1:65536',
  'idc-1:10250/x',
  'a b:1',
  '[::1]',
  '::1:80',
  'http://a:1',
  'idc-1:1\r\nX: y',
])('refuses %j', (text) => {
  expect(parseConnectTarget(text)).toBeUndefined();
});

test.each(['idc-1:10250', '10.77.0.11:10250', '[fd00::11]:10250', 'idc-1.example.com:1'])(
  'reads %s',
  (text) => {
    const target = parseConnectTarget(text);
    expect(target && formatConnectTarget(target)).toBe(text);
  },
);
