// Which socket listens at a place, by the kernel's real table and by tables with what it shows rarely.
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listenerAt } from '../../../../agent/host/listeners.ts';
import { socketTables } from '../../../../agent/host/socket-table.ts';

const ours = process.getuid?.() ?? 0;

describe('by the kernel', () => {
  test.each(['127.0.0.1', '0.0.0.0', '::', '::ffff:127.0.0.1'])(
    'one at %s is found while it is there, and the next is another one',
    async (host) => {
      const first = net.createServer().listen({ port: 0, host });
      await once(first, 'listening');
      const { port } = first.address() as AddressInfo;
      const place = { address: '127.0.0.1', port };
      const found = await listenerAt(place);
      expect(found).toEqual({ uid: ours, inode: expect.stringMatching(/^[1-9]\d*$/) });
      expect(await listenerAt(place)).toEqual(found);
      first.close();
      await once(first, 'close');
      expect(await listenerAt(place)).toBeUndefined();
      const second = net.createServer().listen({ port, host });
      await once(second, 'listening');
      expect((await listenerAt(place))?.inode).not.toBe(found?.inode);
      second.close();
    },
  );

  test('one at another address of this host is not it', async () => {
    const server = net.createServer().listen({ port: 0, host: '127.0.0.2' });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await listenerAt({ address: '127.0.0.1', port })).toBeUndefined();
    server.close();
  });

  test('its tables begin with those that listen', async () => {
    for (const table of socketTables) {
      const lines = (await readFile(table, 'latin1').catch(() => '')).trim().split('\n').slice(1);
      const states = lines.map((line) => line.trim().split(/\s+/)[3]);
      expect(states.lastIndexOf('0A'), table).toBe(states.filter((state) => state === '0A').length - 1);
    }
  });
});

describe('in a table', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'regnode-listeners-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const head =
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
  const row = (own: string, state: string, uid: number) =>
    `   1: ${own} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000 ${uid}        0 5${uid} 1 0 20`;

  async function ask(tcp: readonly string[], tcp6: readonly string[] = []): Promise<number | undefined> {
    const tables = [join(folder, 'tcp'), join(folder, 'tcp6'), join(folder, 'absent')];
    await writeFile(join(folder, 'tcp'), `${[head, ...tcp].join('\n')}\n`);
    await writeFile(join(folder, 'tcp6'), `${[head, ...tcp6].join('\n')}\n`);
    return (await listenerAt({ address: '127.0.0.1', port: 10_250 }, tables))?.uid;
  }

  const exact = row('0100007F:280A', '0A', 0);
  const any = row('00000000:280A', '0A', 1);
  const mapped = row('0000000000000000FFFF00000100007F:280A', '0A', 2);
  const any6 = row('00000000000000000000000000000000:280A', '0A', 1000);
  test('the one with the address comes before those with any, and any of IPv4 before any of IPv6', async () => {
    expect(await ask([any, exact], [any6, mapped])).toBe(0);
    expect(await ask([any], [any6, mapped])).toBe(2);
    expect(await ask([any], [any6])).toBe(1);
    expect(await ask([], [any6])).toBe(1000);
    expect(await ask([row('0100007F:280B', '0A', 0), row('0200007F:280A', '0A', 0)])).toBeUndefined();
  });

  test('connections are no listeners, and nothing is read behind the first of them', async () => {
    const connection = row('0100007F:280A', '01', 0);
    expect(await ask([connection])).toBeUndefined();
    expect(await ask([row('0100007F:280B', '0A', 0), connection, exact])).toBeUndefined();
  });
});
