// What a node says of itself, and a gateway to a node, is clean and has an end as soon as it is read: a
// report, the facts of a join, a refusal, the status of a node.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fault } from '../../../protocol/catalogue/fault.ts';
import { controlMessageSchema } from '../../../protocol/messages/control.ts';
import { hostFactsSchema, nodeStatusResponseSchema } from '../../../protocol/messages/join.ts';
import { isPrintable } from '../../../protocol/printable.ts';
import { anyText } from './formats/texts.ts';

const long = fc.oneof(
  anyText,
  anyText.map((text) => `${text}\u001b]0;x\u0007`.repeat(400)),
);

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

function expectShown(value: unknown): void {
  const texts = textsIn(value);
  expect(texts.length).toBeGreaterThan(3);
  expect(texts.filter((text) => !isPrintable(text) || text.length > 2048)).toEqual([]);
}

test('a report', () => {
  fc.assert(
    fc.property(long, (text) => {
      const version = {
        component: text,
        from: text,
        to: text,
        state: 'held',
        code: text,
        detail: text,
        at: text,
      };
      const finding = {
        ...{
          code: 'DISK_FILLING',
          condition: 'DiskFilling',
          severity: 'warning',
          since: text,
          problem: text,
        },
        ...{ dependsOn: [text], cause: text, values: { path: text }, message: text, remedy: text },
      };
      expectShown(
        controlMessageSchema.parse({
          ...{ kind: 'report', phase: 'Running', revision: text, versions: { kubelet: text }, detail: text },
          ...{ health: [finding], upgrades: [version] },
          drift: [{ key: text, reason: text, repaired: false, at: text }],
        }),
      );
    }),
    { numRuns: 200 },
  );
});

test('the facts of a join', () => {
  fc.assert(
    fc.property(long, (text) => {
      expectShown(
        hostFactsSchema.parse({
          ...{ machineId: '0'.repeat(32), productUuid: text, hostname: text, kernelRelease: text },
          ...{ os: { id: text, versionId: text, prettyName: text }, glibc: text, systemd: text },
          ...{ architecture: 'amd64', addresses: [text], agentVersion: text },
        }),
      );
    }),
    { numRuns: 200 },
  );
});

test('what a gateway says to a node', () => {
  fc.assert(
    fc.property(long, (text) => {
      expectShown(
        nodeStatusResponseSchema.parse({
          ...{ nodeName: text, pool: text, registered: true, tunnelConnected: true, ready: 'True' },
          ...{ readyMessage: text, kubeletVersion: text, readyHeartbeatAt: text, unschedulable: false },
        }),
      );
      const known = Fault.fromWire({ code: 'TOKEN_EXPIRED', values: { id: text, [text]: text } });
      const unknown = Fault.fromWire({ code: text });
      for (const { message, values } of [known, unknown]) {
        expect(isPrintable(message)).toBe(true);
        expect(textsIn(values).filter((one) => !isPrintable(one) || one.length > 4096)).toEqual([]);
      }
    }),
    { numRuns: 200 },
  );
});
