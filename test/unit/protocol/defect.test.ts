// Defects: what nobody waits for, what a listener throws and what nobody catches is told, logged at a bounded
// rate and counted, and a process that listens lives on; one that does not ends.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { background, contained, tellEach } from '../../../protocol/defect.ts';
import { defectLog } from '../../../protocol/defect-log.ts';
import { provoked } from '../../setup/no-defects.ts';

const cursed = new Error('cursed');

test('a promise that nobody waits for: its failure is told, unless somebody knows better', async () => {
  let known: unknown;
  background('a', Promise.reject(cursed));
  background('b', Promise.reject(cursed), (error) => {
    known = error;
  });
  background('c', Promise.reject(cursed), () => {
    throw new Error('of who knew better');
  });
  background('d', Promise.resolve());
  await new Promise((resolve) => setImmediate(resolve));
  expect(known).toBe(cursed);
  expect(provoked()).toEqual([
    { where: 'a', error: cursed },
    { where: 'c', error: new Error('of who knew better') },
  ]);
});

test('a listener that throws keeps nothing from the others', () => {
  const heard: number[] = [];
  const listeners = [
    () => {
      throw cursed;
    },
    (value: number) => void heard.push(value),
  ];
  tellEach('listeners', listeners, 7);
  contained('one', () => {
    throw cursed;
  });
  expect(heard).toEqual([7]);
  expect(provoked().map(({ where }) => where)).toEqual(['listeners', 'one']);
});

test('a flood is counted whole and logged in part', () => {
  let nowMs = 0;
  let counted = 0;
  const logged: object[] = [];
  const hear = defectLog(
    { error: (fields) => logged.push(fields) },
    () => counted++,
    () => nowMs,
  );
  for (let index = 0; index < 1000; index += 1) hear({ where: 'x', error: cursed });
  nowMs = 3000;
  hear({ where: 'x', error: cursed });
  expect(counted).toBe(1001);
  expect(logged).toHaveLength(21);
  expect(logged.at(-1)).toEqual({ defect: 'x', err: cursed, untold: 980 });
});

const program = (prelude: string) => `
  const { outliveDefects, background } = await import('./protocol/defect.ts');
  ${prelude}
  Promise.reject(new Error('nobody handles it'));
  setTimeout(() => { throw new Error('nobody catches it'); }, 1);
  background('work', Promise.reject(new Error('nobody waits')));
  setTimeout(() => console.log('lives'), 50);
`;

async function run(prelude: string): Promise<{ code: number; out: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program(prelude)]);
  const [out, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return { code: code as number, out };
}

test('a process that listens outlives what nobody handles, catches or waits for, and what its log throws', async () => {
  const { code, out } = await run(
    "outliveDefects(({ where, error }) => { console.log(where + ': ' + error.message); throw error; });",
  );
  expect(out.split('\n').sort()).toEqual([
    '',
    'lives',
    'uncaught exception: nobody catches it',
    'unhandled rejection: nobody handles it',
    'work: nobody waits',
  ]);
  expect(code).toBe(0);
});

test('one that does not listen ends, as any process', async () => {
  const { code, out } = await run('');
  expect(out).not.toContain('lives');
  expect(code).not.toBe(0);
});
