// A tar (ustar) of small texts, gzipped: no more than a bug report needs. Equal
// input gives equal bytes. Pure.
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

export interface ArchivedText {
  /** Relative, at most 99 bytes. */
  readonly name: string;
  readonly text: string;
}

const blockBytes = 512;

export async function packTexts(texts: readonly ArchivedText[], atMs: number): Promise<Uint8Array> {
  const seconds = Math.floor(atMs / 1000);
  const blocks = texts.flatMap(({ name, text }) => {
    const body = Buffer.from(text, 'utf8');
    const padding = Buffer.alloc((blockBytes - (body.length % blockBytes)) % blockBytes);
    return [header(name, body.length, seconds), body, padding];
  });
  return promisify(gzip)(Buffer.concat([...blocks, Buffer.alloc(2 * blockBytes)]));
}

function header(name: string, size: number, seconds: number): Buffer {
  if (Buffer.byteLength(name) > 99) throw new Error(`${name} is too long a name`);
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, width: number) => value.toString(8).padStart(width - 1, '0');
  block.write(name, 0);
  block.write(octal(0o600, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(seconds, 12), 136);
  block.write(' '.repeat(8), 148);
  block.write('0', 156);
  block.write('ustar\u000000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 7)}\u0000 `, 148);
  return block;
}
