// Texts for the properties of encoders: everything that means something to systemd, a shell, TOML, YAML or
// Prometheus, beside ordinary and broken text.
import fc from 'fast-check';
import { Fault } from '../../../../protocol/catalogue/fault.ts';

const scraps = fc.constantFrom(
  ...[
    '"',
    "'",
    '\\',
    '\\"',
    '$',
    '$$',
    '$'.concat('{HOME}'),
    '$(id)',
    '`id`',
    '%',
    '%%',
    '%h',
    '%n',
    ';',
    ' ; ',
    '#',
  ],
  ...[' ', '  ', '&&', '|', '>', '*', '?', '[', ']', '{', '}', '~', '!', '=', ':', ',', '-', '--', '@', '+'],
  ...['\\x41', '\\u0041', '\\n', '\\', 'a', 'yes', 'null', '0777', '1e3', '<<', 'é', '中文', '😀', '\ufffd'],
);
const breaks = fc.constantFrom(
  ...['\n', '\r', '\0', '\t', '\u001b', '\u001b[2J', '\u007f', '\u0085', '\u009b', '\u061c', '\u200e'],
  ...['\u2028', '\u2029', '\u202e', '\u2066', '\ufeff', '\ud800', '\udc00', '\ufffe', '\u{1fffe}'],
);

/** Text that may be configured, however strange. */
export const oneLine = fc
  .array(fc.oneof(scraps, fc.string({ maxLength: 6 })), { maxLength: 8 })
  .map((parts) => parts.join(''));
/** And what may be nowhere. */
export const anyText = fc
  .array(fc.oneof(scraps, breaks, fc.string({ unit: 'binary', maxLength: 6 })), { maxLength: 8 })
  .map((parts) => parts.join(''));
/** Somewhere in it stands what no schema may let through. */
export const brokenText = fc.tuple(oneLine, breaks, oneLine).map((parts) => parts.join(''));

/** What `encode` makes of it; undefined when it refuses. */
export function encodedOrRefused<T>(encode: () => T): T | undefined {
  try {
    return encode();
  } catch (error) {
    if (error instanceof Fault && error.code === 'NOT_ENCODABLE') return undefined;
    throw error;
  }
}
