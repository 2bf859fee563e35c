// What systemd hears, over a real datagram socket and out of this very process; what becomes of a message
// that it has no room for; and that nothing but the agent's own process is needed for it.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createNotifier } from '../../../../agent/daemon/notify.ts';
import { type KernelCalls, kernelCalls } from '../../../../agent/host/kernel-calls.ts';
import { kernelCallsAddon } from '../../../../scripts/build/kernel-calls.ts';
import { silentProgress } from '../../../../scripts/machine/progress.ts';

const { EAGAIN, EINVAL } = constants.errno;
const logger = { error: vi.fn() };
beforeEach(() => logger.error.mockClear());

/**
 * As systemd does it: each message with the process that it came from, which must be there when it is read.
 */
const receiver = `use Socket; $| = 1; my ($path) = @ARGV;
socket(my $in, AF_UNIX, SOCK_DGRAM, 0) or die; $path =~ s/^@/\\0/; bind($in, pack_sockaddr_un($path)) or die "$!"; print "bound\\n";
while (defined recv($in, my $text, 8192, 0)) { $text =~ s/\\n/|/g; print "$text\\n"; }`;

let folder: string;
let calls: KernelCalls;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regnode-notify-'));
  const loaded = kernelCalls(await kernelCallsAddon(silentProgress));
  if (loaded === undefined) throw new Error('there is no addon');
  calls = loaded;
}, 120_000);
afterAll(() => rm(folder, { recursive: true }));

async function listen(
  path: string,
): Promise<{ child: ChildProcessWithoutNullStreams; heard: AsyncIterator<string> }> {
  const child = spawn('perl', ['-e', receiver, path]);
  const heard = createInterface(child.stdout)[Symbol.asyncIterator]();
  expect((await heard.next()).value).toBe('bound');
  return { child, heard };
}

describe.each(['file', 'name without a file'])('a socket that is a %s', (kind) => {
  test('hears one message with everything, each time', async () => {
    const socket = kind === 'file' ? join(folder, 'notify') : `@regnode-test-${process.pid}`;
    const { child, heard } = await listen(socket);
    const environment = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '60000000' };
    const notifier = createNotifier({ environment, logger, calls, wait: sleep });
    expect(notifier.intervalMs).toBe(20_000);
    for (let count = 0; count < 50; count++) {
      await notifier.alive(`Joined, tunnel Open ${count}`);
      expect((await heard.next()).value).toBe(`READY=1|STATUS=Joined, tunnel Open ${count}|WATCHDOG=1`);
    }
    await notifier.alive('two\nWATCHDOG=trigger\0lines');
    expect((await heard.next()).value).toBe('READY=1|STATUS=two WATCHDOG=trigger lines|WATCHDOG=1');
    await notifier.stopping();
    expect((await heard.next()).value).toBe('STOPPING=1|STATUS=stopping');
    expect(logger.error).not.toHaveBeenCalled();
    child.kill();
    await once(child, 'close');
  });
});

test('without systemd nothing is sent', async () => {
  const sendDatagram = vi.fn(() => 0);
  const notifier = createNotifier({ environment: {}, logger, calls: { sendDatagram }, wait: sleep });
  await notifier.alive('x');
  expect(sendDatagram).not.toHaveBeenCalled();
  expect(notifier.intervalMs).toBeUndefined();
});

const environment = { NOTIFY_SOCKET: '/none/notify' };

test('one that there is no room for is tried again', async () => {
  const answers = [EAGAIN, EAGAIN, 0];
  const sendDatagram = vi.fn(() => answers.shift() ?? 0);
  const wait = vi.fn(async () => undefined);
  await createNotifier({ environment, logger, calls: { sendDatagram }, wait }).alive('x');
  expect(sendDatagram).toHaveBeenCalledTimes(3);
  expect(logger.error).not.toHaveBeenCalled();
});

test('and given up after a while: the next one says the same', async () => {
  const sendDatagram = vi.fn(() => EAGAIN);
  await createNotifier({ environment, logger, calls: { sendDatagram }, wait: async () => undefined }).alive(
    'x',
  );
  expect(sendDatagram).toHaveBeenCalledTimes(5);
  expect(logger.error).toHaveBeenCalledTimes(1);
});

test('what cannot be sent is told once, with its reason', async () => {
  const notifier = createNotifier({ environment, logger, calls, wait: sleep });
  await notifier.alive('x');
  await notifier.alive('x');
  expect(logger.error.mock.calls).toEqual([
    [{ socket: '/none/notify', reason: 'ENOENT' }, expect.any(String)],
  ]);
});

test('a program without its addon says that', async () => {
  await createNotifier({ environment, logger, wait: sleep }).alive('x');
  expect(logger.error.mock.calls).toEqual([
    [expect.objectContaining({ reason: expect.stringContaining('kernel-calls.node') }), expect.any(String)],
  ]);
});

test.each([
  ['a relative path', 'notify', 'x'],
  ['no path', '', 'x'],
  ['a path that no socket can have', `/${'x'.repeat(200)}`, 'x'],
  ['no text', '/none/notify', ''],
  ['a text without end', '/none/notify', 'x'.repeat(100_000)],
])('the call refuses %s', (_name, path, text) => {
  expect(calls.sendDatagram(path, text)).toBe(EINVAL);
});

test('the call takes anything', () => {
  const anything = calls.sendDatagram as (...values: unknown[]) => number;
  for (const values of [[], [1], [{}, []], [undefined, null], ['/none/x', 5]])
    expect(anything(...values)).toBe(EINVAL);
  expect(anything('/none/x', 'text', 'more')).toBe(EINVAL);
});

test('no part of the agent starts systemd-notify', () => {
  const sources = readdirSync('agent', { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  const users = sources.filter((name) =>
    /['"]systemd-notify['"]/.test(readFileSync(join('agent', name), 'utf8')),
  );
  expect(users).toEqual([]);
});
