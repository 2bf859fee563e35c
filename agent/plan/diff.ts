// A small line diff for plans: longest common subsequence, unchanged lines left out but for one around a
// change. Configuration files are short; above the limit it says only how many lines there are.

const limitLines = 400;

/** Lines that begin with `+ `, `- `, or `  `. */
export function lineDiff(before: string, after: string): string[] {
  const old = toLines(before);
  const fresh = toLines(after);
  if (old.length > limitLines || fresh.length > limitLines) {
    return [`(${old.length} lines become ${fresh.length})`];
  }
  return withContext(walk(old, fresh, commonLengths(old, fresh)));
}

function toLines(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** lengths[i][j]: the longest common subsequence of old[i..] and fresh[j..]. */
function commonLengths(old: readonly string[], fresh: readonly string[]): Uint16Array[] {
  const lengths = Array.from({ length: old.length + 1 }, () => new Uint16Array(fresh.length + 1));
  for (let i = old.length - 1; i >= 0; i--) {
    const row = lengths[i] as Uint16Array;
    const below = lengths[i + 1] as Uint16Array;
    for (let j = fresh.length - 1; j >= 0; j--) {
      row[j] = old[i] === fresh[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return lengths;
}

function walk(old: readonly string[], fresh: readonly string[], lengths: readonly Uint16Array[]): string[] {
  const lines: string[] = [];
  let i = 0;
  let j = 0;
  while (i < old.length || j < fresh.length) {
    if (i < old.length && j < fresh.length && old[i] === fresh[j]) {
      lines.push(`  ${old[i]}`);
      i += 1;
      j += 1;
    } else if (
      i < old.length &&
      (j >= fresh.length || (lengths[i + 1]?.[j] ?? 0) >= (lengths[i]?.[j + 1] ?? 0))
    ) {
      lines.push(`- ${old[i]}`);
      i += 1;
    } else {
      lines.push(`+ ${fresh[j]}`);
      j += 1;
    }
  }
  return lines;
}

function withContext(lines: readonly string[]): string[] {
  const isChange = (line: string | undefined) => line !== undefined && !line.startsWith('  ');
  return lines.filter(
    (line, index) => isChange(line) || isChange(lines[index - 1]) || isChange(lines[index + 1]),
  );
}
