// Who has a port, on a host with more sockets than one reading of a file may have.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { takenPorts } from '../../../../../agent/preflight/observation/listeners.ts';
import { fixtureHost } from '../../../../fixtures/host.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'regnode-ports-'));
  mkdirSync(join(root, 'proc/net'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const row = (own: string, state: string, inode: number) =>
  `   1: ${own} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 0`.padEnd(
    149,
  );

test('a table of 130,000 sockets is read to its end', async () => {
  const many = Array.from({ length: 130_000 }, (_, index) => row('0100007F:4E20', '0A', index + 9));
  const head = '  sl  local_address rem_address   st'.padEnd(149);
  const table = [head, ...many, row('00000000:280A', '0A', 7), row('0100007F:2808', '01', 8)];
  writeFileSync(join(root, 'proc/net/tcp'), `${table.join('\n')}\n`);
  const network = { canListen: async () => true };
  const taken = await takenPorts(fixtureHost(root, { network }), 'tcp', [10250, 10248]);
  expect(taken).toEqual([{ port: 10250, holder: '?' }]);
});
