// The registry and the texts belong together: every check is listed once, has its texts in both languages,
// and depends only on checks that exist.
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { doctorChecks } from '../../../../agent/doctor/hops.ts';
import { groups } from '../../../../agent/preflight/check.ts';
import { explainCode } from '../../../../agent/preflight/explain.ts';
import { checkCodes, messages, skipReasons } from '../../../../agent/preflight/messages/index.ts';
import type { CheckMessages, ProblemMessages } from '../../../../agent/preflight/messages/shape.ts';
import { groupTitles, words } from '../../../../agent/preflight/messages/words.ts';
import { registry } from '../../../../agent/preflight/registry.ts';
import { catalogue } from '../../../../protocol/catalogue/index.ts';
import type { Text } from '../../../../protocol/catalogue/text.ts';

const chinese = /[\u4e00-\u9fff]/;
/** Titles that are names and stay as they are. */
const names = /^[A-Za-z ]+$/;

describe('the registry', () => {
  test('holds every file of checks/', () => {
    const files = readdirSync(new URL('../../../../agent/preflight/checks', import.meta.url));
    expect(registry.map((check) => `${check.id}.ts`).toSorted()).toEqual(files.toSorted());
  });

  test('names each check by its code', () => {
    for (const { code, id } of [...registry, ...doctorChecks]) {
      expect(code).toMatch(/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/);
      expect(id).toBe(code.toLowerCase().replaceAll('_', '-'));
    }
    expect(new Set(registry.map((check) => check.code)).size).toBe(registry.length);
  });

  test('has texts for every check, and no texts without a check', () => {
    const codes = [...registry, ...doctorChecks].map((check) => check.code);
    expect([...new Set(codes)].toSorted()).toEqual(checkCodes.toSorted());
  });

  test('shares no code with a fault, nor an id with a group', () => {
    expect(checkCodes.filter((code) => Object.hasOwn(catalogue, code))).toEqual([]);
    const ids = new Set(registry.map((check) => check.id));
    expect(groups.filter((group) => ids.has(group))).toEqual([]);
  });

  test('lists groups one after the other', () => {
    const order = registry.map((check) => groups.indexOf(check.group));
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });

  test('has no circle of dependencies, nor have the doctor’s checks', () => {
    const byCode = new Map([...registry, ...doctorChecks].map((check) => [check.code, check]));
    const visit = (code: string, path: readonly string[]): void => {
      expect(path).not.toContain(code);
      for (const cause of byCode.get(code as (typeof checkCodes)[number])?.dependsOn ?? []) {
        visit(cause, [...path, code]);
      }
    };
    for (const code of byCode.keys()) visit(code, []);
  });

  test('lets only blocking checks mute others', () => {
    const advisory = new Set(
      registry.filter((check) => check.severity === 'advisory').map((check) => check.code),
    );
    const muting = registry.flatMap((check) => check.dependsOn.filter((code) => advisory.has(code)));
    // A GPU without its driver says nothing about the toolkit that is not looked at
    // then; harmless either way.
    expect([...new Set(muting)]).toEqual(['GPU_DRIVER']);
  });
});

describe('the texts', () => {
  const checks: readonly (readonly [string, CheckMessages])[] = Object.entries(messages);

  test.each(checks)('of %s are complete in both languages', (code, { title, why, problems }) => {
    expectText(`${code} title`, title);
    expectText(`${code} why`, why);
    expect(Object.keys(problems).length).toBeGreaterThan(0);
    for (const [name, problem] of Object.entries(problems)) expectProblem(`${code} ${name}`, problem);
  });

  test('of skips, headings and verdicts are complete', () => {
    for (const [name, text] of Object.entries({ ...skipReasons, ...groupTitles, ...words })) {
      expectText(name, text);
    }
  });

  test('never use shell features that a paste could misread', () => {
    const commands = checks.flatMap(([, { problems }]) =>
      Object.values(problems).flatMap((problem) => problem.commands),
    );
    expect(commands.filter((command) => command.includes('\n') || command.includes('rm -rf'))).toEqual([]);
  });

  test('are what explain prints, for checks and faults alike', () => {
    expect(explainCode('swap', 'en')).toContain('swapoff -a');
    expect(explainCode('SWAP', 'zh')).toContain('交换分区');
    expect(explainCode('private-line', 'en')).toContain('Direct Connect or CCN');
    expect(explainCode('TOKEN_EXPIRED', 'en')).toContain('regnodectl token create');
    expect(explainCode('NO_SUCH_CODE', 'en')).toBeUndefined();
  });
});

function expectProblem(where: string, problem: ProblemMessages): void {
  expectText(`${where} message`, problem.message);
  expectText(`${where} remedy`, problem.remedy);
  expect(problem.commands.length, where).toBeGreaterThan(0);
}

function expectText(where: string, text: Text): void {
  expect(text.en.trim(), where).not.toBe('');
  expect(chinese.test(text.en), `${where}: English without Chinese`).toBe(false);
  expect(chinese.test(text.zh) || names.test(text.zh), `${where}: Chinese`).toBe(true);
  expect(placeholders(text.zh), where).toEqual(placeholders(text.en));
}

function placeholders(text: string): readonly string[] {
  return [...new Set(text.match(/\{\w+\}/g) ?? [])].toSorted();
}
