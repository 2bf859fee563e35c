// `npm run format` fills comments that are too long anew; with --check, as `npm run lint` calls it, they are
// only named.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { longComments, widestColumns, wrapComments } from './wrap.ts';

process.chdir(new URL('../..', import.meta.url).pathname);
const onlyCheck = process.argv.includes('--check');
const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '*.ts']);
let tooLong = 0;
for (const file of listed.toString().split('\0')) {
  if (file === '' || !existsSync(file)) continue;
  const text = readFileSync(file, 'utf8');
  const wrapped = onlyCheck ? text : wrapComments(file, text);
  if (wrapped !== text) writeFileSync(file, wrapped);
  for (const { line } of longComments(file, wrapped)) {
    tooLong += 1;
    process.stdout.write(`${file}:${line}: a comment ends at column ${widestColumns}\n`);
  }
}
process.exitCode = tooLong > 0 ? 1 : 0;
