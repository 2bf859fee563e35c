// What may be shown to a person: text without anything that a terminal, or a reader of the text, takes for a
// command. Whatever a node, a gateway or a host says goes through here when it is taken in, and once more
// when it is printed. Chinese and every other writing stay as they are. Pure.

/**
 * Controls (C0, DEL, C1), other ends of lines, what turns the direction of writing, halves of
 * characters, what is no character.
 */
const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Cs}\p{Noncharacter_Code_Point}\ufeff]/gu;
/** Between two words they stand for a space. */
const blanks = /[\t\n\v\f\r\u0085\u2028\u2029]+/g;

/** One line of at most so many UTF-16 units, without what is unsafe. */
export function printable(text: string, mostUnits = Number.POSITIVE_INFINITY): string {
  // Far more than is kept is not even looked at; a cut may halve a character, so it
  // comes before the halves go.
  const looked = mostUnits * 4 < text.length ? text.slice(0, mostUnits * 4) : text;
  const clean = looked.replaceAll(blanks, ' ').replaceAll(unsafe, '');
  return clean.length <= mostUnits ? clean : clean.slice(0, mostUnits).replaceAll(unsafe, '');
}

export function isPrintable(text: string): boolean {
  return text.search(unsafe) < 0;
}

/** Every text in a value of JSON, keys too; numbers and the rest as they are. */
export function printableDeep<T>(value: T, mostUnits: number): T {
  if (typeof value === 'string') return printable(value, mostUnits) as T;
  if (Array.isArray(value)) return value.map((item) => printableDeep<unknown>(item, mostUnits)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(
    ([key, item]) => [printable(key, mostUnits), printableDeep<unknown>(item, mostUnits)] as const,
  );
  return Object.fromEntries(entries) as T;
}

/**
 * JSON that may be shown: the same value for every parser, with what is unsafe escaped. Line
 * breaks stand between values only.
 */
export function printableJson(json: string): string {
  return json.replaceAll(unsafe, (found) => (found === '\n' ? found : escapesOf(found)));
}

function escapesOf(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}

/** The colours that our own programs set (bold, black on nothing, and back). */
const colors = new RegExp(`${String.fromCharCode(27)}\\[(?:0|1|3[1-36]|90)m`, 'g');

/** Lines of a whole text for a terminal. With `colored` our own colour codes stay. */
export function printableLines(text: string, colored = false): string {
  return text
    .split('\n')
    .map((line) => (colored ? coloredLine(line) : printable(line)))
    .join('\n');
}

function coloredLine(line: string): string {
  const codes = line.match(colors) ?? [];
  return line
    .split(colors)
    .map((part, index) => `${index === 0 ? '' : codes[index - 1]}${printable(part)}`)
    .join('');
}
