// Text for systemd: commands, environment, plain values and names of a unit file (systemd.syntax,
// systemd.service, systemd.unit). A directive takes nothing but a UnitValue, and only these functions make
// one: what comes in as a text comes out of systemd's own parser as the same text, or is refused. `%` is
// doubled against specifiers, `$` against variables. Pure.
import { encodable, notEncodable } from './encodable.ts';

declare const encoded: unique symbol;
export type UnitValue = string & { readonly [encoded]: true };
export type UnitSection = readonly (readonly [directive: string, value: UnitValue])[];

/** Nothing in it means anything to systemd. */
const plainWord = /^[A-Za-z0-9_@/.:=,+~-]+$/;
/** Letters before the path of a program change how it is started. */
const programPath = /^\/[A-Za-z0-9_/.+~-]+$/;
const unitName = /^[A-Za-z0-9:_.@\\-]{1,255}$/;
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** `ExecStart=` and the like: a program and its arguments, which it gets exactly so. */
export function command(program: string, ...args: readonly string[]): UnitValue {
  if (!programPath.test(program)) throw notEncodable(program, 'program of a unit');
  return [program, ...args.map((arg) => word(arg.replaceAll('$', '$$$$')))].join(' ') as UnitValue;
}

/** A command whose failure doesn't matter. */
export function triedCommand(program: string, ...args: readonly string[]): UnitValue {
  return `-${command(program, ...args)}` as UnitValue;
}

/** `Environment=`: no variables in it, so `$` stays as it is. */
export function assignment(name: string, value: string): UnitValue {
  if (!variableName.test(name)) throw notEncodable(name, 'variable of a unit');
  return word(`${name}=${value}`) as UnitValue;
}

/** The rest of the line, as `Description=` and paths have it. */
export function line(text: string): UnitValue {
  const isWhole = text !== '' && text.trim() === text && !text.endsWith('\\');
  if (!isWhole) throw notEncodable(text, 'value of a unit');
  return withoutSpecifiers(encodable(text, 'value of a unit')) as UnitValue;
}

/**
 * Names of units, or the words that a directive knows: `simple`, `infinity`,
 * `network.target local-fs.target`.
 */
export function words(...names: readonly string[]): UnitValue {
  const wrong = names.find((name) => !unitName.test(name));
  if (wrong !== undefined) throw notEncodable(wrong, 'word of a unit');
  return names.join(' ') as UnitValue;
}

/** The name of the unit for a path, as `systemd-escape --path` has it. */
export function unitOfPath(path: string, suffix: string): string {
  const parts = path.split('/').filter((part) => part !== '');
  if (!path.startsWith('/') || parts.some((part) => part === '.' || part === '..'))
    throw notEncodable(path, 'path of a unit');
  const escaped = [...Buffer.from(encodable(parts.join('/'), 'path of a unit'))].map((byte, index) => {
    const letter = String.fromCharCode(byte);
    if (letter === '/') return '-';
    return /[A-Za-z0-9:_.]/.test(letter) && !(index === 0 && letter === '.')
      ? letter
      : `\\x${byte.toString(16).padStart(2, '0')}`;
  });
  return `${escaped.length === 0 ? '-' : escaped.join('')}.${suffix}`;
}

/** A whole unit file. */
export function unitFile(note: string, sections: Readonly<Record<string, UnitSection>>): string {
  const texts = Object.entries(sections).map(
    ([name, directives]) =>
      `[${name}]\n${directives.map(([directive, value]) => `${directive}=${value}\n`).join('')}`,
  );
  return [`# ${encodable(note, 'comment of a unit')}\n`, ...texts].join('\n');
}

function word(text: string): string {
  const safe = withoutSpecifiers(encodable(text, 'word of a unit'));
  if (plainWord.test(text)) return safe;
  return `"${safe.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

function withoutSpecifiers(text: string): string {
  return text.replaceAll('%', '%%');
}
