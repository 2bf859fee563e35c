// Comments end at column 110. A paragraph with a longer line is filled anew; one that fits stays as its
// author broke it. What is laid out by hand (a table, a drawing, a line that begins with more spaces) is
// never filled: who wrote it shortens it.
import { type Comment, parseSync } from 'oxc-parser';

export const widestColumns = 110;

export interface LongComment {
  readonly line: number;
  readonly text: string;
}

/**
 * The lines that are too long and have a comment in them. A word that fits on no line may stand by itself.
 */
export function longComments(file: string, text: string): LongComment[] {
  if (!text.split('\n').some(isTooLong)) return [];
  const lines = text.split('\n');
  const at = new Set<number>();
  for (const { start, end } of parseSync(file, text).comments) {
    const first = lineOf(text, start);
    for (let line = first; line <= lineOf(text, end); line += 1) at.add(line);
  }
  return [...at]
    .map((line) => ({ line, text: lines[line - 1] ?? '' }))
    .filter(
      ({ text: found }) => isTooLong(found) && /\S+\s+\S/.test(found.replace(/^\s*(?:\/\/|\/\*\*?|\*)/, '')),
    );
}

/** The same source with its long comments filled anew. */
export function wrapComments(file: string, text: string): string {
  if (longComments(file, text).length === 0) return text;
  let wrapped = text;
  for (const group of groupsOf(file, text).toReversed()) {
    const { start, end } = group;
    const before = text.slice(start, end);
    if (before.split('\n').some(isTooLong) || isTooLong(lineAt(text, start)))
      wrapped = wrapped.slice(0, start) + rewritten(group, before) + wrapped.slice(end);
  }
  return wrapped;
}

interface Group {
  readonly start: number;
  readonly end: number;
  readonly type: Comment['type'];
  readonly indent: string;
}

/** Comments that have their lines to themselves; line comments under each other are one. */
function groupsOf(file: string, text: string): Group[] {
  const groups: Group[] = [];
  for (const { type, start, end } of parseSync(file, text).comments) {
    const lineStart = text.lastIndexOf('\n', start - 1) + 1;
    const indent = text.slice(lineStart, start);
    if (indent.trim() !== '' || !/^[ \t]*(?:\n|$)/.test(text.slice(end))) continue;
    const last = groups.at(-1);
    const isNext = last?.type === 'Line' && type === 'Line' && last.indent === indent;
    if (isNext && text.slice(last.end, start) === `\n${indent}`) groups.splice(-1, 1, { ...last, end });
    else groups.push({ start, end, type, indent });
  }
  return groups;
}

function rewritten({ type, indent }: Group, text: string): string {
  if (type === 'Line') {
    const lines = text.split('\n').map((line) => line.trim().replace(/^\/\/ ?/, ''));
    return filled(lines, widestColumns - indent.length - 3)
      .map((line) => (line === '' ? '//' : `// ${line}`))
      .join(`\n${indent}`);
  }
  const opening = text.startsWith('/**') ? '/**' : '/*';
  const inner = text.slice(opening.length, -2).split('\n');
  const lines = inner.map((line) => line.trim().replace(/^\* {0,2}/, ''));
  const content = lines.slice(lines[0] === '' ? 1 : 0, lines.at(-1) === '' ? -1 : undefined);
  const body = filled(content, widestColumns - indent.length - 3);
  return [opening, ...body.map((line) => ` *${line === '' ? '' : ` ${line}`}`), ' */'].join(`\n${indent}`);
}

function filled(lines: readonly string[], columns: number): string[] {
  return paragraphsOf(lines).flatMap((paragraph) => {
    const isByHand = paragraph.some((line) => /^\s|\S {2,}\S|^[|┌│└]/.test(line));
    if (isByHand || paragraph.every((line) => line.length <= columns)) return paragraph;
    const hanging = /^- /.test(paragraph[0] ?? '') ? '  ' : '';
    const words = paragraph.join(' ').split(/\s+/);
    const full = broken(words, columns, hanging);
    // A last line of one word reads badly: a little narrower, it gets company.
    for (let narrower = columns; narrower > columns - 40; narrower -= 1) {
      const lines = broken(words, narrower, hanging);
      if (lines.length > full.length) break;
      if ((lines.at(-1)?.length ?? 0) >= columns / 4) return lines;
    }
    return full;
  });
}

function broken(words: readonly string[], columns: number, hanging: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line !== '' && `${line} ${word}`.length > columns) {
      lines.push(line);
      line = `${hanging}${word}`;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** An empty line and an item of a list begin a new paragraph. */
function paragraphsOf(lines: readonly string[]): string[][] {
  const paragraphs: string[][] = [];
  let isOpen = false;
  for (const line of lines) {
    if (isOpen && line !== '' && !/^- /.test(line)) paragraphs.at(-1)?.push(line);
    else paragraphs.push([line]);
    isOpen = line !== '';
  }
  return paragraphs;
}

function isTooLong(line: string): boolean {
  return line.length > widestColumns;
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

function lineAt(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', offset);
  return text.slice(start, end < 0 ? undefined : end);
}
