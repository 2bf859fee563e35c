// The payload brings everything that it needs: it runs in a root that holds a static busybox, two files
// under /etc, and nothing else. No C library, no loader, no certificates, no Node.js; a network
// namespace with loopback only.
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { ensurePackages } from '../../scripts/machine/apt.ts';
import { type CommandResult, run } from '../../scripts/machine/command.ts';
import { silentProgress } from '../../scripts/machine/progress.ts';
import { payloadFile } from '../../scripts/sandbox/registration.ts';

let root: string;

beforeAll(async () => {
  await ensurePackages(['busybox-static'], silentProgress);
  root = await mkdtemp(join(tmpdir(), 'regnode-payload-'));
  for (const folder of ['bin', 'dev', 'etc', 'proc', 'tmp', 'opt/regnode']) {
    await mkdir(join(root, folder), { recursive: true });
  }
  await cp('/bin/busybox', join(root, 'bin/busybox'));
  await symlink('busybox', join(root, 'bin/sh'));
  await writeFile(join(root, 'etc/hosts'), '127.0.0.1 localhost\n10.77.0.9 from-hosts.example\n');
  await writeFile(join(root, 'etc/resolv.conf'), 'nameserver 127.0.0.1\noptions timeout:1 attempts:2\n');
  await run('tar', ['-xzf', await payloadFile(), '-C', join(root, 'opt/regnode')]);
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** In a mount, process and network namespace of its own, so nothing of it can outlive the call. */
function inside(command: string, args: readonly string[]): Promise<CommandResult> {
  const script =
    'ip link set lo up && mount -t proc proc "$0/proc" && mount --bind /dev "$0/dev" && exec chroot "$0" /bin/busybox env -i PATH=/bin "$@"';
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child', '--net'];
  return run('unshare', [...namespaces, 'sh', '-c', script, root, command, ...args], {
    allowFailure: true,
    timeoutMs: 60_000,
  });
}

function node(program: string): Promise<CommandResult> {
  return inside('/opt/regnode/bin/node', ['--input-type=module', '--eval', program]);
}

test('there is nothing else to run on', async () => {
  expect((await readdir(join(root, 'bin'))).sort()).toEqual(['busybox', 'sh']);
  expect(
    (await inside('/bin/busybox', ['find', '/', '-xdev', '-name', '*.so*', '!', '-path', '/opt/*'])).stdout,
  ).toBe('');
});

test('regnode version', async () => {
  const result = await inside('/opt/regnode/bin/regnode', ['version']);
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  expect(result.stdout).toContain(packageJson.version);
});

test('regnode preflight runs its checks and gives a verdict', async () => {
  const result = await inside('/opt/regnode/bin/regnode', ['preflight', '--json']);
  // No host to join, of course: what counts is that it says so in its own words.
  expect(result.exitCode, result.stderr).toBe(3);
  expect(JSON.parse(result.stdout)).toBeTypeOf('object');
});

test('a child process, of itself and of the shell', async () => {
  const result = await node(`
    import { execFileSync } from 'node:child_process';
    console.log(process.execPath, execFileSync(process.execPath, ['-p', '6*7'], { encoding: 'utf8' }).trim());
    console.log(execFileSync('/bin/sh', ['-c', 'echo shell'], { encoding: 'utf8' }).trim());`);
  expect(result.stderr).toBe('');
  expect(result.stdout).toBe('/opt/regnode/bin/node 42\nshell\n');
});

test('a worker with memory that both sides see', async () => {
  const result = await node(`
    import { Worker } from 'node:worker_threads';
    const shared = new Int32Array(new SharedArrayBuffer(8));
    new Worker('const { workerData } = require("node:worker_threads"); Atomics.store(workerData, 0, 7); Atomics.notify(workerData, 0);', { eval: true, execArgv: [], workerData: shared });
    await Atomics.waitAsync(shared, 0, 0).value;
    console.log(Atomics.load(shared, 0));`);
  expect(result).toMatchObject({ exitCode: 0, stdout: '7\n' });
});

test('names: from the hosts file, and asked from a name server', async () => {
  const result = await node(`
    import { createSocket } from 'node:dgram';
    import { lookup } from 'node:dns/promises';
    // A name server that knows one address, whatever it is asked.
    const server = createSocket('udp4').on('message', (query, from) => {
      const isAddress = query.readUInt16BE(query.length - 4) === 1 || query.includes(Buffer.from([0, 1, 0, 1]));
      const end = query.indexOf(0, 12) + 5;
      const head = Buffer.from([query[0], query[1], 0x81, 0x80, 0, 1, 0, isAddress ? 1 : 0, 0, 0, 0, 0]);
      const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 77, 0, 1]);
      server.send(Buffer.concat([head, query.subarray(12, end), ...(isAddress ? [record] : [])]), from.port);
    });
    await new Promise((resolve) => server.bind(53, '127.0.0.1', resolve));
    console.log((await lookup('from-hosts.example', { family: 4 })).address);
    console.log((await lookup('gateway.example', { family: 4 })).address);
    server.close();`);
  expect(result.stderr).toBe('');
  expect(result.stdout).toBe('10.77.0.9\n10.77.0.1\n');
});

/** What the agent itself has for it, with the payload's own addon. */
async function pagesOfTheProgram(): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `export { kernelCalls } from './agent/host/kernel-calls.ts';
        export { filePages, releaseFilePages } from './agent/host/resident-pages.ts';`,
      resolveDir: '.',
    },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
  });
  return `${outputFiles[0]?.text}
    import { readFileSync as read } from 'node:fs';
    const calls = kernelCalls('/opt/regnode/app/kernel-calls.node');`;
}

test('pages of the program that only its start needed are given back, and what is needed comes again', async () => {
  const result = await node(`${await pagesOfTheProgram()}
    import { createHash } from 'node:crypto';
    import { Worker } from 'node:worker_threads';
    const filePagesNow = () => Number(/^RssFile:\\s+(\\d+)/m.exec(read('/proc/self/status', 'utf8'))[1]) * 1024;
    const before = filePagesNow();
    const released = releaseFilePages(calls);
    console.log(released > before / 2, before - filePagesNow() > released / 3);
    console.log(createHash('sha256').update('abc').digest('hex').slice(0, 8), new Intl.NumberFormat('de').format(1234.5), /(a+)b/.exec('aab')[1]);
    for (let round = 0; round < 20; round++) releaseFilePages(calls);
    const worker = new Worker('require("node:worker_threads").parentPort.postMessage([1, 2].map((n) => n * 2).join())', { eval: true, execArgv: [] });
    worker.once('message', (said) => console.log(said));`);
  expect(result.stderr).toBe('');
  expect(result.stdout).toBe('true true\nba7816bf 1.234,5 aa\n2,4\n');
});

test('pages that exist nowhere else are never given back, whatever is asked', async () => {
  const result = await node(`${await pagesOfTheProgram()}
    const invalid = 22;
    const maps = read('/proc/self/maps', 'utf8').split('\\n').map((line) => /^([0-9a-f]+)-([0-9a-f]+) (\\S+) \\S+ \\S+ \\d+ *(.*)$/.exec(line)).filter((match) => match !== null);
    const writable = maps.filter(([, , , access]) => access.includes('w'));
    const ask = ([, from, to]) => calls.releasePages(parseInt(from, 16), parseInt(to, 16) - parseInt(from, 16));
    console.log(writable.length > 10, writable.every((mapping) => ask(mapping) === invalid));
    const [text] = filePages(read('/proc/self/smaps', 'utf8'), '/opt/regnode');
    console.log(calls.releasePages(text.address, text.bytes), calls.releasePages(text.address - 4096, text.bytes + 4096), calls.releasePages(text.address, text.bytes + 2 ** 30));
    for (const wrong of [[], [text.address], [text.address, 0], [text.address, -4096], [0, text.bytes], ['a', {}], [NaN, NaN], [text.address, Infinity]])
      if (calls.releasePages(...wrong) !== invalid) console.log('not refused', wrong);`);
  expect(result.stderr).toBe('');
  expect(result.stdout).toBe('true true\n0 22 22\n');
});

test('how the clock of the machine is kept, as the kernel says it; also in a worker', async () => {
  const result = await node(`${await pagesOfTheProgram()}
    const said = calls.clockDiscipline();
    const [state, , , , , , , tick] = said;
    console.log(said.length, said.every(Number.isFinite), state >= 0 && state <= 5, tick > 9000 && tick < 11_000);
    const { Worker } = await import('node:worker_threads');
    new Worker('const calls = require("/opt/regnode/app/kernel-calls.node"); console.log(calls.clockDiscipline().length);', { eval: true, execArgv: [] });`);
  expect(result.stderr).toBe('');
  expect(result.stdout).toBe('9 true true true\n9\n');
});

test('TLS, and the addon that masks websocket frames', async () => {
  const result = await node(`
    import { createRequire } from 'node:module';
    import { createSecureContext } from 'node:tls';
    createSecureContext();
    const { mask } = createRequire('/opt/regnode/app/')('./bufferutil.node');
    const masked = Buffer.alloc(4);
    mask(Buffer.from([1, 2, 3, 4]), Buffer.from([255, 0, 255, 0]), masked, 0, 4);
    console.log([...masked].join());`);
  expect(result.stderr).toBe('');
  expect(result.stdout).toBe('254,2,252,4\n');
});

/**
 * What agents of security teams do on every host: a library in every program, which needs parts of the C
 * library that Node.js doesn't.
 */
async function preload(source: string): Promise<void> {
  await ensurePackages(['gcc', 'libc6-dev'], silentProgress);
  const file = join(root, 'etc/guard.c');
  await writeFile(file, source);
  const parts = ['librt.so.1', 'libutil.so.1', 'libanl.so.1'].map((name) => `/lib/x86_64-linux-gnu/${name}`);
  const flags = ['-shared', '-fPIC', '-Wl,--no-as-needed', '-Wl,-z,now'];
  await run('gcc', [...flags, '-o', join(root, 'etc/guard.so'), file, ...parts]);
  await writeFile(join(root, 'etc/ld.so.preload'), '/etc/guard.so\n');
}

test('a library that the host loads into every program, and what that needs', async () => {
  await preload(`#include <unistd.h>
    __attribute__((constructor)) static void guard(void) { if (write(2, "guarded\\n", 8) != 8) _exit(9); }`);
  const result = await inside('/opt/regnode/bin/node', ['-p', '6*7']);
  expect(result).toMatchObject({ exitCode: 0, stdout: '42\n', stderr: 'guarded\n' });
  expect(await inside('/opt/regnode/bin/regnode', ['version'])).toMatchObject({ exitCode: 0 });
});

test('one with which no program of ours can start is named, in one line, and systemd gives it up', async () => {
  await preload(`extern int only_in_another_c_library(void);
    __attribute__((constructor)) static void guard(void) { only_in_another_c_library(); }`);
  for (const command of ['version', 'run', 'doctor']) {
    const result = await inside('/opt/regnode/bin/regnode', [command]);
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
    expect(result.stderr).toMatch(
      /^\[fail\] PROGRAM_CANNOT_START: .*only_in_another_c_library.*\n {7}→ Look at \/etc\/ld\.so\.preload: .*\n$/,
    );
  }
  await rm(join(root, 'etc/ld.so.preload'));
});

test('what a shell carries for other programs of Node.js', async () => {
  const carried = [
    'NODE_OPTIONS=--require=/none.js',
    'NODE_TLS_REJECT_UNAUTHORIZED=0',
    'OPENSSL_CONF=/none',
    'LD_LIBRARY_PATH=/none',
  ];
  const result = await inside('/bin/busybox', ['env', ...carried, '/opt/regnode/bin/regnode', 'version']);
  expect(result, result.stderr).toMatchObject({ exitCode: 0, stderr: '' });
});
