// Tables of Markdown. Pure.

const generated = '<!-- Made by `npm run schemas`; change what it is made from. -->';

export function page(title: string, ...parts: readonly string[]): string {
  return `${[`# ${title}`, generated, ...parts].join('\n\n')}\n`;
}

export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(header), `|${header.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

export const code = (text: string) => (text === '' ? '' : `\`${text}\``);
export const codes = (texts: readonly string[]) => texts.map(code).join(', ') || '–';

/** Outside of code, what looks like a tag would be one. */
function cell(text: string): string {
  return text
    .replaceAll('|', '\\|')
    .replaceAll('\n', '<br>')
    .replaceAll(/`[^`]*`|<(?!br>)/g, (found) => (found === '<' ? '&lt;' : found));
}
