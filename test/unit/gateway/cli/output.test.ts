// What regnodectl prints of a node is text, whatever the node said; and there is one place that prints.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import {
  printFields,
  printJson,
  printLines,
  printTable,
  tellProgress,
} from '../../../../gateway/cli/output.ts';
import { anyText } from '../../protocol/formats/texts.ts';

function printed(print: () => void): string {
  let text = '';
  const keep = (chunk: unknown) => {
    text += String(chunk);
    return true;
  };
  const spies = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, 'write').mockImplementation(keep),
  );
  try {
    print();
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return text;
}

const harmful = /[^\P{Cc}\n]|[\p{Cs}\p{Bidi_Control}\p{Zl}\p{Zp}]/u;

test('no text of a node does anything to a terminal, in a table, in fields, in JSON', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const shown = [
        printed(() => printTable(['NAME', text], [[text, 'x']])),
        printed(() => printFields([['phase', text]])),
        printed(() => printJson({ node: { detail: text, [text]: 1 } })),
        printed(() => tellProgress(text)),
        printed(() => printLines(text)),
      ];
      expect(shown.filter((one) => harmful.test(one))).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test('a row of a table stays one line, and JSON keeps its value', () => {
  const detail = 'a\nb\u001b[2J\u202e中文';
  expect(printed(() => printTable(['A', 'B'], [[detail, 'c']]))).toBe('A           B\na b[2J中文  c\n');
  expect(JSON.parse(printed(() => printJson({ detail })))).toEqual({ schema: 1, detail });
});

test('nothing else of the gateway’s programs writes to a terminal', () => {
  const files = execFileSync('git', ['ls-files', 'gateway'], { encoding: 'utf8' }).trim().split('\n');
  const writers = files.filter((file) =>
    /process\.std(?:out|err)\.write|console\.\w+\(/.test(readFileSync(file, 'utf8')),
  );
  // The audit says that it can't write.
  expect(writers).toEqual(['gateway/audit/audit.ts', 'gateway/cli/output.ts']);
});
