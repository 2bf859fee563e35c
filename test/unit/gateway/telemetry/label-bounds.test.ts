// What a node's names and labels may cost the gateway: each series shows its group's labels again, so a few
// kilobytes that are described can be a page of gigabytes. Replayed descriptions and what nodes have in
// common are bounded as well.
import { expect, test } from 'vitest';
import { ColumnShapes } from '../../../../gateway/telemetry/column-shapes.ts';
import { TelemetryIntake } from '../../../../gateway/telemetry/intake.ts';
import { defaultTelemetryLimits } from '../../../../gateway/telemetry/limits.ts';
import { NodeSeries } from '../../../../gateway/telemetry/node-series.ts';
import { SharedLabels } from '../../../../gateway/telemetry/remote-write/shared-labels.ts';
import { ReplaySchemas } from '../../../../gateway/telemetry/replay-schemas.ts';
import type { Column, Description, Labels } from '../../../../protocol/telemetry/description.ts';
import { BatchSource, loadDescription } from './batches.ts';

const columns = (count: number, prefix = 'a'): Column[] =>
  Array.from({ length: count }, (_, index) => ({ name: `${prefix}${index}`, type: 'gauge' }));
const long = (number: number): Labels => ({
  number: String(number),
  ...Object.fromEntries(['a', 'b', 'c'].map((name) => [name, name.repeat(512)])),
});
const described = (number: number, count = 400): Description => ({
  ...loadDescription,
  labels: long(number),
  columns: columns(count),
});

test('labels that are repeated without end: what is over the budget is refused, and the page stays one', () => {
  const intake = new TelemetryIntake({ poolOf: () => 'idc' });
  const source = new BatchSource(1, 4 * 1024 * 1024);
  for (let number = 0; number < 50; number += 1) {
    intake.accept('idc-1', source.describe(number, described(number)).batch());
    const records = source.record(number, ...columns(400).map((_, index) => index)).batch();
    // Of what was refused it asks for the description, once.
    for (let times = 0; times < 2; times += 1) intake.accept('idc-1', records);
  }
  expect(intake.self.refusals.get('budget-labels')).toBe(37);
  expect(intake.renderMetrics().length).toBeLessThan(2 * defaultTelemetryLimits.labelCharacters);
});

test('a series with more than 2,048 characters of labels is none', () => {
  const intake = new TelemetryIntake({ poolOf: () => 'idc' });
  const more = { ...long(1), d: 'd'.repeat(512) };
  const source = new BatchSource(1).describe(1, { ...loadDescription, labels: more });
  intake.accept('idc-1', source.batch());
  const [column] = columns(1);
  if (column)
    source.describe(2, { ...described(2), columns: [{ ...column, labels: { d: 'd'.repeat(512) } }] });
  intake.accept('idc-1', source.batch());
  expect(intake.self.refusals.get('budget-labels')).toBe(2);
});

test('a group that goes gives its characters back, and one with other columns is held by no earlier number', () => {
  const limits = { ...defaultTelemetryLimits, labelCharacters: 700_000 };
  const series = new NodeSeries(limits, new ColumnShapes());
  for (let round = 0; round < 3; round += 1) {
    expect(series.describe(1, 1, described(1), 0)).toBeUndefined();
    expect(series.describe(1, 2, described(2), 0)).toBe('budget-labels');
    expect(series.describe(1, 1, { ...described(1), columns: [] }, 0)).toBeUndefined();
  }
  series.describe(1, 1, described(1, 2), 0);
  series.describe(1, 2, described(1, 3), 0);
  expect([series.knows(1, 1), series.knows(1, 2)]).toEqual([false, true]);
});

test('one group under numbers without end: it is held by sixty-four, and goes from all of them', () => {
  const series = new NodeSeries(defaultTelemetryLimits, new ColumnShapes());
  for (let schema = 0; schema < 1000; schema += 1) series.describe(1, schema, described(1), 0);
  const known = () => Array.from({ length: 1000 }, (_, schema) => series.knows(1, schema)).filter(Boolean);
  expect(known()).toHaveLength(64);
  series.describe(1, 3, described(2, 1), 0);
  expect(known()).toHaveLength(64);
  series.describe(1, 5, { ...described(1), columns: [] }, 0);
  expect(known()).toHaveLength(1);
  expect(series.knows(1, 3)).toBe(true);
});

test('replayed descriptions: what was described the longest ago goes', () => {
  const replayed = new ReplaySchemas(defaultTelemetryLimits);
  for (let number = 0; number < 100; number += 1) replayed.describe(number % 4, number, described(number));
  const held = Array.from({ length: 100 }, (_, number) => replayed.group(number % 4, number)).filter(Boolean);
  expect(held).toHaveLength(13);
  replayed.describe(9, 1, described(1, 20));
  expect(replayed.group(9, 1)?.columns).toHaveLength(20);
});

test('columns that nodes have in common are kept once, up to 4 MiB', () => {
  const shapes = new ColumnShapes();
  const isKept = (prefix: string) => {
    const first = shapes.shared(columns(900, prefix));
    return shapes.shared(columns(900, prefix)) === first;
  };
  const kept = Array.from({ length: 300 }, (_, number) => isKept(`n${number}_`));
  expect([kept[0], kept.at(-1), isKept('n0_')]).toEqual([true, false, true]);
});

test('labels of remote-write that nodes have in common are kept up to 64 MiB', () => {
  const shared = new SharedLabels();
  const first = shared.of(described(0, 900));
  expect(shared.of(described(0, 900))).toBe(first);
  for (let number = 1; number < 55; number += 1) shared.of(described(number, 900));
  expect(shared.of(described(0, 900))).not.toBe(first);
});
