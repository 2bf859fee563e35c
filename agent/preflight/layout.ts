// Text in columns: Chinese characters are two cells wide, escape sequences none.

const sgr = { bold: 1, red: 31, green: 32, yellow: 33, gray: 90 } as const;
const escapes = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');
const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]/;

export function paint(text: string, color: keyof typeof sgr, enabled: boolean): string {
  return enabled ? `\u001b[${sgr[color]}m${text}\u001b[0m` : text;
}

export function displayWidth(text: string): number {
  return [...text.replaceAll(escapes, '')].reduce((width, letter) => width + (wide.test(letter) ? 2 : 1), 0);
}

export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)));
}

/**
 * A word, or one Chinese character; an opening bracket stays before what it opens,
 * a stop behind what it ends.
 */
const pieces = /（?(?:[^\s\u2e80-\uffe6]+|[\u2e80-\uffe6])[，。；：、）！？]*\s*|\s+/g;

/** Breaks at spaces, and after any Chinese character; a longer word than a line stands alone. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const piece of text.match(pieces) ?? []) {
    if (line !== '' && displayWidth(line + piece.trimEnd()) > width) {
      lines.push(line.trimEnd());
      line = '';
    }
    line += piece;
  }
  return line.trim() === '' ? lines : [...lines, line.trimEnd()];
}
