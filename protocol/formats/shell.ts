// Words of a POSIX shell: a text comes out of the shell as the same text, and nothing in it is run. Pure.
import { encodable } from './encodable.ts';

/** Nothing in it means anything to a shell; `~` and `=` do at the beginning of a word. */
const plainWord = /^[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./~-]*$/;

/** Bare when it can be, so that a line stays readable. */
export function shellWord(text: string): string {
  encodable(text, 'word of a shell');
  return plainWord.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
