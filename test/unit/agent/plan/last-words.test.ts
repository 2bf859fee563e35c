// What programs have said becomes the reason of a fault, which stands where every user of the host reads it:
// no secret of theirs comes along.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readFailure } from '../../../../agent/components/agent/trial.ts';
import { paths } from '../../../../agent/config/paths.ts';
import type { Host } from '../../../../agent/host/host.ts';
import { mustRun } from '../../../../agent/plan/command.ts';
import { unitKind } from '../../../../agent/plan/kinds/unit.ts';
import { passGate } from '../../../../agent/upgrade/gate.ts';
import { fixtureHost } from '../../../fixtures/host.ts';

const secret = 'hunter2hunter2';
const telling = [
  `E0101 the registry said: password=${secret}`,
  `I0101 pulling with Authorization: Bearer ${secret}${secret}`,
  'F0101 it ends here',
].join('\n');

let root: string;
let host: Host;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'regnode-last-words-'));
  host = fixtureHost(root, {
    commands: (command) =>
      command === 'journalctl'
        ? telling
        : { exitCode: 1, stderr: command === 'systemctl' ? 'see journalctl' : telling },
  });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const stopped = { activeState: 'inactive', loadState: 'loaded', needsReload: false, stamp: undefined };

test.each<[string, () => Promise<unknown>]>([
  [
    'a unit that does not start',
    () => unitKind.apply({ host } as never, { kind: 'unit', name: 'kubelet.service' }, stopped),
  ],
  ['a command that has to succeed', () => mustRun(host, 'ctr', ['images', 'import'])],
  [
    'a version that ends again and again',
    async () => {
      let process = 0;
      throw await passGate(host, {
        probe: async () => {
          process += 1;
          return { missing: [], isSeen: true, processes: [], started: [`kubelet.service ${process}`] };
        },
        trial: undefined,
        since: '',
        timeoutMs: 60_000,
        signal: new AbortController().signal,
        isDesired: () => true,
      });
    },
  ],
])('of %s', async (_what, fails) => {
  const fault = await fails().then(
    () => undefined,
    (error: unknown) => error as Error,
  );
  expect(fault?.message).toContain('it ends here');
  expect(fault?.message).toContain('[removed: ');
  expect(fault?.message).not.toContain(secret);
});

test('of an agent that was put back', async () => {
  const path = join(root, paths.upgradeFailed);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `to=2.0.0\nwhy=it ended 3 times: ${telling.replaceAll('\n', ';')}\n`);
  const why = await readFailure(host);
  expect(why).toContain('it ends here');
  expect(why).not.toContain(secret);
});
