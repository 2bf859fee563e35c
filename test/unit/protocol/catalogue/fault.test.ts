// The catalogue is complete: each code has a line and a remedy in both languages, the two name the same
// values, and a fault survives the way over the wire.
import { describe, expect, test } from 'vitest';
import type { CatalogueEntry } from '../../../../protocol/catalogue/entry.ts';
import { Fault } from '../../../../protocol/catalogue/fault.ts';
import { catalogue, type FaultCode } from '../../../../protocol/catalogue/index.ts';

const entries = Object.entries(catalogue) as [FaultCode, CatalogueEntry][];
const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);

describe.each(entries)('%s', (code, entry) => {
  test('has an upper-case code, a line and a remedy in English and Chinese', () => {
    expect(code).toMatch(/^[A-Z][A-Z0-9_]+$/);
    for (const language of ['en', 'zh'] as const) {
      expect(entry[language].message).not.toBe('');
      expect(entry[language].remedy).not.toBe('');
    }
    expect(entry.zh.message).toMatch(/[\u4e00-\u9fff]/);
  });

  test('both languages show the same values', () => {
    expect(new Set(placeholders(entry.zh.message))).toEqual(new Set(placeholders(entry.en.message)));
  });
});

test('a fault fills in its values and survives the wire', () => {
  const fault = new Fault('TOKEN_EXPIRED', { id: 'ab12cd', expiredAt: '2026-01-01T00:00:00Z', pool: 'idc' });
  const received = Fault.fromWire(JSON.parse(JSON.stringify(fault.toWire())));
  expect(received.message).toBe('The join token ab12cd expired at 2026-01-01T00:00:00Z.');
  expect(received.explain('zh').remedy).toContain('--pool idc');
  expect(received.exitCode).toBe(1);
});

test('a code that this release does not know is named, not hidden', () => {
  const received = Fault.fromWire({ code: 'FROM_THE_FUTURE' });
  expect(received.code).toBe('PEER_ANSWER_UNKNOWN');
  expect(received.message).toContain('FROM_THE_FUTURE');
});

test('a value cannot inject a placeholder or a prototype name', () => {
  expect(Fault.fromWire({ code: 'toString' }).code).toBe('PEER_ANSWER_UNKNOWN');
  expect(new Fault('NODE_NAME_TAKEN', { name: '{name}' }).message).toContain('{name}');
});
