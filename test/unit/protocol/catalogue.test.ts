// One catalogue: what events and conditions say stands in it by code, and so does everything that install.sh
// says; no reason or message of theirs is written anywhere else.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Node } from 'oxc-parser';
import { expect, test } from 'vitest';
import { explainCode } from '../../../agent/preflight/explain.ts';
import { told } from '../../../gateway/kubernetes/event-recorder.ts';
import { type EventCode, eventTexts } from '../../../protocol/catalogue/events.ts';
import { stringOf, visitSyntax } from '../../syntax.ts';

const codes = Object.keys(eventTexts) as EventCode[];

/** `file: text` where a reason or a message of an event or condition is a literal, with why it may be. */
const allowed: Readonly<Record<string, string>> = {
  'gateway/nodes/status.ts: Kubelet': 'the condition hands on what the kubelet itself says',
  'gateway/port/connections.ts: handshake': 'a label of a counter',
  'gateway/port/public-port.ts: pipelined': 'a label of a counter',
  'gateway/serve/monitoring.ts: status-port': 'a label of a counter',
  'gateway/nodes/departures.ts: removed by the operator': 'travels to the agent, for its log',
};

test.each(codes)('%s is told as Kubernetes wants it, and explained by either name', (code) => {
  const { reason, message } = told(code, {});
  expect(reason).toMatch(/^[A-Z][A-Za-z]+$/);
  expect(message).not.toBe('');
  expect(explainCode(reason, 'en')).toBe(explainCode(code, 'en'));
  expect(explainCode(reason, 'zh')).toMatch(/[\u4e00-\u9fff]/);
});

test('reasons of events and conditions are written nowhere but in the catalogue', () => {
  const folders = [
    'gateway/nodes',
    'gateway/pools',
    'gateway/port',
    'gateway/resources',
    'gateway/serve',
    'gateway/join',
  ];
  const files = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  const literals = files.filter((file) => file.endsWith('.ts')).flatMap(reasonLiterals);
  expect(literals.filter((one) => !(one in allowed))).toEqual([]);
  expect(Object.keys(allowed).filter((one) => !literals.includes(one))).toEqual([]);
});

/** Each `reason: '…'` that an object literal holds. */
function reasonLiterals(file: string): string[] {
  const found: string[] = [];
  visitSyntax(file, (node) => {
    if (node.type === 'Property' && node.key.type === 'Identifier' && node.key.name === 'reason')
      found.push(...literalsIn(node.value).map((text) => `${file}: ${text}`));
  });
  return found;
}

function literalsIn(node: Node): string[] {
  if (node.type === 'ConditionalExpression')
    return [...literalsIn(node.consequent), ...literalsIn(node.alternate)];
  return [stringOf(node) ?? []].flat();
}
