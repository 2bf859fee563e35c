// Finds where the members of a tar lie in it, by reading only its headers. It lists plain files. The index
// ends at damage: members behind it are not found.
import type { Host } from '../../host/host.ts';

export interface TarMember {
  readonly start: number;
  readonly sizeBytes: number;
}

const blockBytes = 512;
const mostMembers = 10_000;

export async function indexTar(host: Host, path: string, sizeBytes: number): Promise<Map<string, TarMember>> {
  const members = new Map<string, TarMember>();
  let at = 0;
  for (let count = 0; count < mostMembers && at + blockBytes <= sizeBytes; count++) {
    const header = await readBlock(host, path, at);
    const size = header && sizeIn(header);
    if (header === undefined || size === undefined) break;
    const start = at + blockBytes;
    const isFile = header[156] === 0 || header[156] === 0x30;
    if (isFile && start + size <= sizeBytes) members.set(nameIn(header), { start, sizeBytes: size });
    at = start + Math.ceil(size / blockBytes) * blockBytes;
  }
  return members;
}

async function readBlock(host: Host, path: string, at: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of host.files.readStream(path, at, at + blockBytes)) chunks.push(chunk);
  const block = Buffer.concat(chunks);
  return block.length === blockBytes && block[0] !== 0 && checksumIsRight(block) ? block : undefined;
}

function checksumIsRight(block: Buffer): boolean {
  let sum = 8 * 0x20;
  for (const [index, byte] of block.entries()) if (index < 148 || index >= 156) sum += byte;
  return sum === octal(block.subarray(148, 156));
}

const sizeIn = (block: Buffer) => octal(block.subarray(124, 136));

function octal(field: Buffer): number | undefined {
  const text = field.toString('latin1').replaceAll(/[\0 ]/g, '');
  return /^[0-7]{1,12}$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

function nameIn(block: Buffer): string {
  const text = (from: number, to: number) => block.subarray(from, to).toString('utf8').replace(/\0.*$/s, '');
  const isUstar = text(257, 262) === 'ustar' && block[262] === 0;
  const prefix = isUstar ? text(345, 500) : '';
  return `${prefix === '' ? '' : `${prefix}/`}${text(0, 100)}`.replace(/^\.\//, '');
}
