// The bundle runs without node_modules: workers and their workers become files of their own, the addon
// is found beside the program, and a package in the old module system still has its require. Node's
// client for the web is not loaded.
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bundle, bundle } from '../../../../scripts/build/bundle.ts';

const sources: Readonly<Record<string, string>> = {
  'main.ts': `
    import { get } from 'node:http';
    import { Worker } from 'node:worker_threads';
    import { WebSocket } from 'ws';
    import bufferutil from 'bufferutil';
    import { name } from './deep/name.ts';
    const masked = Buffer.alloc(1);
    bufferutil.mask(Buffer.from([1]), Buffer.from([3, 0, 0, 0]), masked, 0, 1);
    const worker = new Worker(new URL('./deep/worker.ts', import.meta.url));
    worker.on('message', (said) => console.log(name, said, typeof WebSocket, masked[0], String(bufferutil.mask).includes('native'),
      typeof get, process.moduleLoadList.some((name) => name.includes('undici')), /^[（）。]+$/.test('\\uff08。'), /^[😀]$/u.test('😀')));`,
  'deep/name.ts': `export const name: string = 'shared';`,
  'deep/worker.ts': `
    import { parentPort, Worker } from 'node:worker_threads';
    import { name } from './name.ts';
    const inner = new Worker(new URL(
      './inner.ts',
      import.meta.url,
    ));
    inner.on('message', (said) => parentPort!.postMessage(\`\${name} worker of \${said}\`));`,
  'deep/inner.ts': `import { parentPort } from 'node:worker_threads'; parentPort!.postMessage('inner');`,
};

let folder: string;
let made: Bundle;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'regnode-bundle-'));
  mkdirSync(join(folder, 'sources/deep'), { recursive: true });
  symlinkSync(resolve('node_modules'), join(folder, 'sources/node_modules'));
  for (const [name, text] of Object.entries(sources)) writeFileSync(join(folder, 'sources', name), text);
  made = await bundle(join(folder, 'sources/main.ts'), join(folder, 'app'), '9.8.7');
});
afterAll(() => rmSync(folder, { recursive: true }));

test('it runs', () => {
  const said = execFileSync(process.execPath, ['main.js'], { cwd: join(folder, 'app'), encoding: 'utf8' });
  expect(said).toBe('shared shared worker of inner function 2 true function false true true\n');
});

test('it is kept in memory with one byte a letter', () => {
  for (const name of readdirSync(join(folder, 'app')).filter((file) => file.endsWith('.js')))
    expect(readFileSync(join(folder, 'app', name), 'latin1')).not.toMatch(/[\x80-\xff]/);
});

test('each worker is a file, and nothing is there twice', () => {
  const files = readdirSync(join(folder, 'app'));
  expect(files.filter((name) => /worker\.js$|inner\.js$/.test(name)).length).toBe(2);
  expect(files).toContain('bufferutil.node');
  expect(files.filter((name) => name.startsWith('chunk-')).length).toBe(1);
});

test('the packages that went in are known, for their licences', () => {
  const names = made.packages.map((path) => path.replace(/.*node_modules\//, ''));
  expect(names).toEqual(['bufferutil', 'ws']);
});
