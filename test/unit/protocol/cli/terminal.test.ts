// Whatever a host, a gateway or a failure says, a command prints it as text; only our own colours are codes.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fault } from '../../../../protocol/catalogue/fault.ts';
import { type Output, Terminal } from '../../../../protocol/cli/terminal.ts';
import { anyText } from '../../protocol/formats/texts.ts';

function printed(isTTY: boolean, json: boolean, print: (terminal: Terminal) => void): string {
  let text = '';
  const output: Output = { isTTY, write: (chunk) => (text += chunk) };
  print(new Terminal({ language: 'en', json, stdout: output, stderr: output, noColor: false }));
  return text;
}

/** What a terminal obeys, once the codes that a Terminal writes by itself are out. */
function obeyed(text: string): RegExpMatchArray | null {
  const own = ['[31m', '[32m', '[33m', '[36m', '[0m', '[K'].map((code) => `\u001b${code}`);
  const rest = own.reduce((left, code) => left.split(code).join('|'), text.replaceAll('\r\u001b[K', ''));
  return rest.match(/[^\P{Cc}\n]|[\p{Cs}\p{Bidi_Control}\p{Zl}\p{Zp}]/u);
}

test.each([true, false])('watched: %s', (isTTY) => {
  fc.assert(
    fc.property(anyText, (text) => {
      for (const json of [true, false]) {
        const shown = printed(isTTY, json, (terminal) => {
          terminal.result(`${text}\n`);
          terminal.resultJson({ detail: text });
          terminal.progress('fail', text);
          terminal.note(text);
          terminal.passing(text);
          terminal.fault(new Fault('UNEXPECTED', { detail: text, kept: text }));
        });
        expect(obeyed(shown)).toBeNull();
      }
    }),
    { numRuns: 300 },
  );
});

test('a view is cleared for somebody who watches it, and for nobody else', () => {
  const clear = (terminal: Terminal) => terminal.clear();
  expect(printed(true, false, clear)).toBe('\u001b[H\u001b[J');
  expect(printed(false, false, clear) + printed(true, true, clear)).toBe('');
});
