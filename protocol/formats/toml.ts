// TOML, as containerd reads it: sections one after the other, each with its reason as a comment. The values
// are written by smol-toml; what no parser would give back is refused before. Pure.
import { stringify } from 'smol-toml';
import { encodable } from './encodable.ts';

type TomlValue = string | number | boolean | readonly TomlValue[] | TomlTable;
export interface TomlTable {
  readonly [key: string]: TomlValue;
}

export interface TomlSection {
  readonly comments?: readonly string[];
  /** A table by its whole way from the top: a section never repeats one of an earlier section. */
  readonly table: TomlTable;
}

export function toml(sections: readonly TomlSection[]): string {
  return sections
    .map(({ comments = [], table }) => {
      const notes = comments.map((comment) => `# ${encodable(comment, 'comment in TOML')}\n`);
      requireEncodable(table);
      return `${notes.join('')}${stringify(table)}`.trimEnd();
    })
    .join('\n\n')
    .concat('\n');
}

function requireEncodable(value: TomlValue): void {
  if (typeof value === 'string') encodable(value, 'value in TOML');
  else if (Array.isArray(value)) for (const item of value) requireEncodable(item);
  else if (typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) {
      encodable(key, 'key in TOML');
      requireEncodable(item);
    }
  }
}
