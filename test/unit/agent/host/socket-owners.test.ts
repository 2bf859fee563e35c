// Whose a socket is, by the kernel's real table and by tables with what it shows rarely.
import { once } from 'node:events';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import net, { type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { anybody, exactSocket } from '../../../../agent/host/exact-socket.ts';
import { type KernelCalls, kernelCalls } from '../../../../agent/host/kernel-calls.ts';
import { listenerAt } from '../../../../agent/host/listeners.ts';
import { SocketOwners } from '../../../../agent/host/socket-owners.ts';
import { kernelCallsAddon } from '../../../../scripts/build/kernel-calls.ts';
import { silentProgress } from '../../../../scripts/machine/progress.ts';

const ours = process.getuid?.() ?? 0;

describe('by the kernel', () => {
  const accepted: Socket[] = [];
  let server: net.Server;
  beforeEach(async () => {
    server = net
      .createServer({ allowHalfOpen: true }, (socket) => accepted.push(socket))
      .listen(0, '127.0.0.1');
    server.setMaxListeners(0);
    await once(server, 'listening');
  });
  afterEach(async () => {
    for (const socket of accepted.splice(0)) socket.destroy();
    server.close();
    await once(server, 'close');
  });

  async function connected(host: string): Promise<[Socket, Socket]> {
    const socket = net.connect({ host, port: (server.address() as AddressInfo).port, allowHalfOpen: true });
    const [[own]] = (await Promise.all([once(server, 'connection'), once(socket, 'connect')])) as [
      [Socket],
      unknown,
    ];
    return [socket, own];
  }
  const owner = (
    owners: SocketOwners,
    { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 }: Socket,
  ) =>
    owners.ownerOf({ address: remoteAddress, port: remotePort }, { address: localAddress, port: localPort });

  test.each(['127.0.0.1', '::ffff:127.0.0.1'])('a connection to %s is ours', async (host) => {
    const [socket, own] = await connected(host);
    expect(await owner(new SocketOwners(), own)).toBe(ours);
    socket.destroy();
  });

  test('one that was closed at the other end is nobody’s, though the kernel shows it as root’s', async () => {
    const [socket, own] = await connected('127.0.0.1');
    socket.end('it said something and went');
    socket.destroy();
    await once(socket, 'close');
    expect(await owner(new SocketOwners(), own)).toBeUndefined();
  });

  test('two hundred asked at once are answered right', async () => {
    const pairs = await Promise.all(Array.from({ length: 200 }, () => connected('127.0.0.1')));
    const owners = new SocketOwners();
    const answers = await Promise.all(accepted.map((own) => owner(owners, own)));
    expect(new Set(answers)).toEqual(new Set([ours]));
    for (const [socket] of pairs) socket.destroy();
  });
});

describe('in a table', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'regnode-sockets-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const head =
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
  const row = (ends: string, state: string, uid: number, inode: number) =>
    `   1: ${ends} ${state} 00000000:00000000 00:00000000 00000000 ${uid}        0 ${inode} 1 0 20 4 30 10 -1`;
  const own = { address: '127.0.0.1', port: 41_938 };
  const other = { address: '127.0.0.1', port: 294 };
  const ends = '0100007F:A3D2 0100007F:0126';

  async function ask(...rows: readonly string[]): Promise<number | undefined> {
    await writeFile(join(folder, 'tcp'), `${[head, ...rows].join('\n')}\n`);
    return new SocketOwners([join(folder, 'tcp'), join(folder, 'absent')]).ownerOf(own, other);
  }

  test('the row with both ends counts, not the one of the listener’s side or of another port', async () => {
    const others = [
      row('0100007F:0126 0100007F:A3D2', '01', 7, 1),
      row('0100007F:A3D3 0100007F:0126', '01', 8, 2),
    ];
    expect(await ask(...others)).toBeUndefined();
    expect(await ask(...others, row(ends, '01', 1000, 3))).toBe(1000);
  });

  test.each([
    ['closed by its process, and not yet gone', row(ends, '01', 0, 0)],
    ['closed after it had said all', row(ends, '05', 0, 0)],
    ['waiting out its time', row(ends, '06', 0, 0)],
    ['about to be', row(ends, '03', 0, 0)],
    ['cut off', `   1: ${ends} 01`],
  ])('one that is %s is nobody’s', async (_what, shown) => {
    expect(await ask(shown)).toBeUndefined();
  });

  test('one that has said all and still listens is its process’s', async () => {
    expect(await ask(row(ends, '05', 1000, 12))).toBe(1000);
  });

  test('a table of 50,000 sockets is read to its end', async () => {
    const many = Array.from({ length: 50_000 }, (_, index) =>
      row('0100007F:0001 0100007F:0002', '01', 5, index + 1),
    );
    expect(await ask(...many, row(ends, '01', 1000, 3))).toBe(1000);
  });

  test('ten thousand who ask at once, of a host with many sockets, are all answered right', async () => {
    const hex = (port: number) => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
    const asked = Array.from({ length: 10_000 }, (_, index) => 20_000 + index);
    const idle = Array.from({ length: 18_000 }, (_, index) => row(`${hex(9)} ${hex(8)}`, '01', 5, index + 1));
    const theirs = asked.map((port) => row(`${hex(port)} ${hex(other.port)}`, '01', port % 7, port));
    const ours = asked.map((port) => row(`${hex(other.port)} ${hex(port)}`, '01', 99, port));
    const rows = [head, ...idle.slice(9000), ...theirs, ...ours, ...idle.slice(0, 9000)];
    await writeFile(join(folder, 'tcp'), `${rows.join('\n')}\n`);
    const owners = new SocketOwners([join(folder, 'tcp')]);
    const answers = await Promise.all(asked.map((port) => owners.ownerOf({ ...own, port }, other)));
    expect(answers).toEqual(asked.map((port) => port % 7));
  });

  test('whom nobody waits for any more is not looked for, and keeps nobody’s place', async () => {
    await writeFile(join(folder, 'tcp'), `${[head, row(ends, '01', 1000, 3)].join('\n')}\n`);
    const owners = new SocketOwners([join(folder, 'tcp')]);
    const gone = Array.from({ length: 20_000 }, () => owners.ownerOf(own, other, () => false));
    expect(await owners.ownerOf(own, other, () => true)).toBe(1000);
    expect(new Set(await Promise.all(gone))).toEqual(new Set([undefined]));
  });

  test('the loop turns while a large table is read', async () => {
    const many = Array.from({ length: 100_000 }, (_, index) =>
      row('0100007F:0001 0100007F:0002', '01', 5, index),
    );
    await writeFile(join(folder, 'tcp'), `${[head, ...many, row(ends, '01', 1000, 3)].join('\n')}\n`);
    let turns = 0;
    const counting = setInterval(() => turns++, 1);
    const answer = new SocketOwners([join(folder, 'tcp')]).ownerOf(own, other);
    expect(await answer).toBe(1000);
    clearInterval(counting);
    expect(turns).toBeGreaterThan(0);
  });

  test('what is no IPv4 address is nobody’s', async () => {
    expect(await new SocketOwners().ownerOf({ address: '::1', port: 1 }, other)).toBeUndefined();
  });
});

describe('where others have made very many sockets', () => {
  let folder: string;
  let table: string;
  let calls: KernelCalls;
  let server: net.Server;
  const sockets: Socket[] = [];
  beforeAll(async () => {
    const loaded = kernelCalls(await kernelCallsAddon(silentProgress));
    if (loaded === undefined) throw new Error('there is no addon');
    calls = loaded;
  }, 120_000);
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'regnode-many-sockets-'));
    table = join(folder, 'tcp');
    // Those that listen come first, and whoever opens them decides how many: nobody else is in this table.
    const listening = Array.from({ length: 80_000 }, (_, index) => listener(index));
    await writeFile(
      table,
      `${['  sl  local_address rem_address   st'.padEnd(149), ...listening].join('\n')}\n`,
    );
    server = net.createServer({ allowHalfOpen: true }, (socket) => sockets.push(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    server.close();
    await once(server, 'close');
    await rm(folder, { recursive: true, force: true });
  });

  const listener = (index: number) =>
    `${index}: ${index.toString(16).toUpperCase().padStart(6, '0')}7F:4E20 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 ${index + 9} 1 0`.padEnd(
      149,
    );
  const place = () => ({ address: '127.0.0.1', port: (server.address() as AddressInfo).port });
  async function connected() {
    const socket = net.connect({ ...place(), host: '127.0.0.1', allowHalfOpen: true });
    sockets.push(socket);
    await Promise.all([once(server, 'connection'), once(socket, 'connect')]);
    return { socket, own: { address: '127.0.0.1', port: socket.localPort ?? 0 } };
  }

  test('a connection is known by its ends, and nobody’s once it was closed', async () => {
    const owners = new SocketOwners([table], exactSocket(calls));
    const { socket, own } = await connected();
    expect(await owners.ownerOf(own, place())).toBe(ours);
    socket.destroy();
    await once(socket, 'close');
    expect(await owners.ownerOf(own, place())).toBeUndefined();
  });

  test('who listens is known, at its own address and at all', async () => {
    const found = await listenerAt(place());
    expect(found?.uid).toBe(ours);
    expect(await listenerAt(place(), [table], exactSocket(calls))).toEqual(found);
    const everywhere = net.createServer().listen({ port: 0, host: '::' });
    await once(everywhere, 'listening');
    const { port } = everywhere.address() as AddressInfo;
    const seen = await listenerAt({ address: '127.0.0.1', port });
    expect(await listenerAt({ address: '127.0.0.1', port }, [table], exactSocket(calls))).toEqual(seen);
    everywhere.close();
  });

  test('one that nobody has, and a number that is none, are not found', () => {
    const ask = exactSocket(calls);
    expect(ask({ address: '127.0.0.1', port: 1 }, { address: '127.0.0.1', port: 2 })).toBeUndefined();
    // The kernel falls back to who listens at the own end: that is not the connection.
    expect(ask(place(), { address: '127.0.0.1', port: 2 })).toBeUndefined();
    expect(ask(place(), anybody)?.uid).toBe(ours);
    expect(ask({ address: '127.0.0.1', port: 70_000 }, anybody)).toBeUndefined();
    expect(ask({ address: '::1', port: 1 }, anybody)).toBeUndefined();
  });

  test('a kernel that can not say has its table read to the end, however long', async () => {
    const row = '1: 0100007F:A3D2 0100007F:0126 01 00000000:00000000 00:00000000 00000000 7 0 9 1 0';
    await appendFile(table, `${row}\n`);
    const owners = new SocketOwners([table], () => undefined);
    const [own, other] = [41_938, 294].map((port) => ({ address: '127.0.0.1', port }));
    expect(await owners.ownerOf(own as typeof anybody, other as typeof anybody)).toBe(7);
  });
});
