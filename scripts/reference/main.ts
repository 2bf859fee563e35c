// npm run schemas: renews every file that is made from the code (documents.ts), formatted as lint wants it.
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { documents } from './documents.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

// Help is in the language of whoever asks; the reference is in English.
process.env.REGNODE_LANG = 'en';
for (const [path, make] of Object.entries(documents)) await writeFile(`${root}${path}`, await make());
const formatted = Object.keys(documents).filter((path) => !path.endsWith('.md'));
await execa('node_modules/.bin/biome', ['format', '--write', ...formatted], { cwd: root });
process.stdout.write(`${Object.keys(documents).join('\n')}\n`);
