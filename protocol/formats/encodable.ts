// What may stand in a file or a command that we write. A configured value never needs a line break, a control
// character or half a character, and in some format each of them is code; the schemas refuse them, and every
// encoder does so again. Pure.
import { Fault } from '../catalogue/fault.ts';
import { isPrintable, printable } from '../printable.ts';

/** The text itself; throws NOT_ENCODABLE with `where` it was to stand. */
export function encodable(text: string, where: string): string {
  if (isPrintable(text)) return text;
  throw notEncodable(text, where);
}

export function notEncodable(text: string, where: string): Fault {
  return new Fault('NOT_ENCODABLE', {
    where: printable(where, 80),
    value: printable(JSON.stringify(text), 200),
  });
}
