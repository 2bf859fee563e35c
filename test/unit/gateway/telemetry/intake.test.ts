// The intake: what it refuses, what it counts once, what it shows.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TelemetryIntake } from '../../../../gateway/telemetry/intake.ts';
import { defaultTelemetryLimits } from '../../../../gateway/telemetry/limits.ts';
import type { SampleSink } from '../../../../gateway/telemetry/sample-sink.ts';
import { decodeAcknowledgement } from '../../../../protocol/telemetry/acknowledgement.ts';
import { batchFlag } from '../../../../protocol/telemetry/batch.ts';
import { encodeHeartbeat, heartbeatBytes } from '../../../../protocol/telemetry/heartbeat.ts';
import { BatchSource, loadDescription } from './batches.ts';

const node = 'idc-1';

function setUp(limits = {}, isElsewhere = () => false) {
  const clock = { nowMs: 1000 };
  const intake = new TelemetryIntake({
    poolOf: () => 'gpu',
    isElsewhere,
    limits: { ...defaultTelemetryLimits, ...limits },
    monotonicMs: () => clock.nowMs,
  });
  const accept = (payload: Uint8Array) => {
    const answer = intake.accept(node, payload);
    return answer === undefined ? undefined : decodeAcknowledgement(answer);
  };
  return { clock, intake, accept };
}

describe('what is refused', () => {
  test('any bytes: counted, answered with nothing, never an exception', () => {
    const { intake } = setUp();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expect(intake.accept(node, noise)).toBeUndefined();
        intake.heartbeat(node, noise);
      }),
    );
    const refused = [...intake.self.refusals.values()].reduce((sum, count) => sum + count, 0);
    expect(refused).toBe(intake.self.batches + intake.self.heartbeats);
  });

  test('more bytes than the budget: the node is told when to come again, and the next node is not touched', () => {
    const { clock, intake, accept } = setUp({ bytesPerSecond: 100, burstBytes: 200 });
    const source = new BatchSource(1).describe(1, loadDescription).record(1, 1);
    const first = source.batch();
    expect(accept(first)?.verdict).toBe('accepted');
    const second = source.record(1, 2).record(1, 3).record(1, 4).batch();
    const answer = accept(second);
    expect(answer).toMatchObject({ verdict: 'wait', nextSequence: 2 });
    expect(intake.self.refusals.get('budget-bytes')).toBe(1);
    const other = intake.accept('idc-2', first);
    expect(other).toBeDefined();
    clock.nowMs += answer?.waitMs ?? 0;
    expect(accept(second)).toMatchObject({ verdict: 'accepted', nextSequence: 5 });
  });

  test('descriptions without end cost eight times their bytes, those that say nothing too', () => {
    const { clock, accept } = setUp({ bytesPerSecond: 1000, burstBytes: 10_000 });
    const malformed = { ...loadDescription, family: 'NO' };
    const batches = [loadDescription, malformed].map((description) =>
      new BatchSource(1).describe(1, description).batch(batchFlag.description),
    );
    for (const batch of batches) {
      clock.nowMs += 60_000;
      let taken = 0;
      while (accept(batch)?.verdict !== 'wait') taken += 1;
      expect(taken * batch.length).toBeGreaterThan(10_000 / 10);
      expect(taken * batch.length).toBeLessThan(10_000 / 4);
    }
  });

  test('more series than the budget: the description is refused, the records are acknowledged and counted', () => {
    const { intake, accept } = setUp({ series: 1 });
    const source = new BatchSource(1).describe(1, loadDescription);
    source
      .describe(2, { ...loadDescription, labels: { device: 'x' } })
      .record(1, 5)
      .record(2, 6);
    const batch = source.batch();
    expect(accept(batch)).toMatchObject({ verdict: 'accepted', nextSequence: 4 });
    expect(intake.self.refusals.get('budget-series')).toBe(1);
    expect(intake.self.refusals.get('schema-unknown')).toBe(1);
    expect(intake.renderMetrics()).toContain('node_load1{node="idc-1",pool="gpu"} 5\n');
  });

  test('columns that the description does not have', () => {
    const { intake, accept } = setUp();
    accept(new BatchSource(1).describe(1, loadDescription).record(1, 1, 2).batch());
    expect(intake.self.refusals.get('columns-mismatch')).toBe(1);
    expect(intake.renderMetrics()).not.toContain('node_load1{');
  });

  test('an unknown schema is asked for once, then its records are let go', () => {
    const { intake, accept } = setUp();
    const batch = new BatchSource(1).record(7, 1).batch();
    expect(accept(batch)).toMatchObject({ verdict: 'describe', nextSequence: 0 });
    expect(accept(batch)).toMatchObject({ verdict: 'accepted', nextSequence: 1 });
    expect(intake.self.refusals.get('schema-unknown')).toBe(1);
  });
});

describe('every record counts once', () => {
  test('a batch that comes again is a duplicate, and one that overlaps counts what is new', () => {
    const { intake, accept } = setUp();
    const source = new BatchSource(1).describe(1, loadDescription).record(1, 1);
    const first = source.batch();
    accept(first);
    expect(accept(first)).toMatchObject({ verdict: 'accepted', nextSequence: 2 });
    expect(intake.self).toMatchObject({ records: 2, duplicates: 2 });
    const again = new BatchSource(1).describe(1, loadDescription).record(1, 1).record(1, 3).batch();
    expect(accept(again)).toMatchObject({ verdict: 'accepted', nextSequence: 3 });
    expect(intake.self).toMatchObject({ records: 3, duplicates: 4 });
  });

  test('a batch beyond the mark is a gap, unless the agent resumes after another replica', () => {
    const { intake, accept } = setUp();
    const source = new BatchSource(1).describe(1, loadDescription).record(1, 1);
    accept(source.batch());
    source.record(1, 2).batch();
    const third = source.record(1, 3);
    expect(accept(third.batch())).toMatchObject({ verdict: 'gap', nextSequence: 2 });
    expect(intake.self.gaps).toBe(1);
    expect(accept(source.record(1, 4).batch(batchFlag.resumed))).toMatchObject({ verdict: 'accepted' });
    expect(intake.self.unexplained).toBe(0);
  });

  test('what the node lost is known from its LOSS record; a hole without one is unexplained', () => {
    const { intake, accept } = setUp();
    const source = new BatchSource(1, 256).describe(1, loadDescription);
    source.record(1, ...new Array<number>(100).fill(0)).record(1, 1);
    accept(source.batch());
    expect(intake.self).toMatchObject({ reportedLost: 1, unexplained: 0 });
  });

  test('a loss at the head of a batch is no gap', () => {
    const { intake, accept } = setUp();
    const source = new BatchSource(1, 256).describe(1, loadDescription).record(1, 1);
    accept(source.batch());
    source.record(1, ...new Array<number>(100).fill(0)).record(1, 2);
    expect(accept(source.batch())).toMatchObject({ verdict: 'accepted', nextSequence: 5 });
    expect(intake.self).toMatchObject({ reportedLost: 1, unexplained: 0, gaps: 0 });
  });

  test('the account of an epoch adds up, whatever was lost, came again, or went to another gateway', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('record', 'lost', 'send', 'resend', 'restart'), { maxLength: 60 }),
        (steps) => {
          const source = new BatchSource(1, 512);
          const sent: Buffer[] = [];
          let { intake, accept } = setUp();
          let isFirst = true;
          source.describe(1, loadDescription);
          const send = (batch: Buffer) => {
            if (accept(batch)?.verdict === 'describe') accept(batch);
            isFirst = false;
          };
          for (const step of steps) {
            if (step === 'record') source.record(1, 1);
            else if (step === 'lost') source.record(1, ...new Array<number>(100).fill(0));
            else if (step === 'resend') for (const batch of sent) send(batch);
            else if (step === 'restart') {
              ({ intake, accept } = setUp());
              isFirst = true;
            } else {
              const batch = source.record(1, 1).tryBatch(isFirst ? batchFlag.resumed : 0);
              if (batch !== undefined) {
                sent.push(batch);
                send(batch);
              }
            }
            for (const account of intake.latest('idc-1')?.epochs ?? []) {
              const lost = Object.values(account.lost).reduce((sum, count) => sum + count, 0);
              expect(account.next - account.from).toBe(account.taken + lost + account.elsewhere);
              expect(account.unexplained).toBe(0);
              expect(account.taken).toBe(intake.self.records);
              expect(lost).toBe(intake.self.reportedLost);
            }
          }
        },
      ),
    );
  });

  test('replayed records do not overwrite what is live', () => {
    const { intake, accept } = setUp();
    accept(new BatchSource(2).describe(1, loadDescription).record(1, 9).batch());
    accept(new BatchSource(1).describe(1, loadDescription).record(1, 1).batch(batchFlag.replay));
    expect(intake.samples('idc-1')).toEqual([{ name: 'node_load1', labels: {}, value: 9 }]);
  });
});

describe('what is shown', () => {
  test('an agent that starts anew takes its series over: no sample twice', () => {
    const { intake, accept } = setUp();
    accept(new BatchSource(1).describe(1, loadDescription).record(1, 1).batch());
    accept(new BatchSource(2).describe(5, loadDescription).record(5, 2).batch());
    expect(intake.renderMetrics().match(/^node_load1\{/gm)).toHaveLength(1);
    expect(intake.renderMetrics()).toContain('} 2\n');
  });

  test('a group that fell silent vanishes, one that was retired at once', () => {
    const { clock, intake, accept } = setUp();
    const source = new BatchSource(1).describe(1, loadDescription).record(1, 1);
    source.describe(2, { ...loadDescription, labels: { device: 'vda' } }).record(2, 7);
    accept(source.batch());
    expect(intake.renderMetrics()).toContain('device="vda"');
    accept(source.describe(2, { ...loadDescription, labels: { device: 'vda' }, columns: [] }).batch());
    expect(intake.renderMetrics()).not.toContain('device="vda"');
    clock.nowMs += 8001;
    expect(intake.renderMetrics()).not.toContain('node_load1{');
    expect(intake.renderMetrics()).toContain('regnode_gateway_telemetry_series 0');
  });

  test('labels are escaped, values that are not there are left out', () => {
    const { intake, accept } = setUp();
    const description = {
      ...loadDescription,
      labels: { device: 'a"b\\c\nd' },
      columns: [...loadDescription.columns, { name: 'node_absent', type: 'gauge' as const }],
    };
    accept(
      new BatchSource(1).describe(1, description).record(1, Number.POSITIVE_INFINITY, Number.NaN).batch(),
    );
    const text = intake.renderMetrics();
    expect(text).toContain('node_load1{node="idc-1",pool="gpu",device="a\\"b\\\\c\\nd"} +Inf\n');
    expect(text).not.toContain('node_absent{');
  });

  test('heartbeats without end: the latest is shown, and few go to others', () => {
    let handed = 0;
    const sink = { heartbeat: () => (handed += 1) } as unknown as SampleSink;
    const intake = new TelemetryIntake({ poolOf: () => 'gpu', sink, monotonicMs: () => 1000 });
    for (let sentAtMs = 1; sentAtMs <= 1000; sentAtMs += 1) {
      const beat = new Uint8Array(heartbeatBytes);
      new DataView(beat.buffer).setUint16(0, 1, true);
      new DataView(beat.buffer).setFloat64(8, sentAtMs, true);
      intake.heartbeat(node, beat);
    }
    expect(handed).toBe(60);
    expect(intake.latest(node)?.heartbeat?.sentAtMs).toBe(1000);
    expect(intake.self.refusals.get('budget-heartbeats')).toBe(940);
  });

  test('a heartbeat is the latest one, and goes when the node is forgotten or silent', () => {
    const { clock, intake } = setUp();
    const beat = {
      sentAtMs: 5,
      uptimeSeconds: 1,
      load1: 0,
      cpuUsedRatio: 0.5,
      memoryTotalBytes: 1,
      memoryAvailableBytes: 1,
      diskFreeBytes: 1,
      kubeletHealthy: true,
      containerdHealthy: true,
      ring: { produced: 4, acknowledged: 2, pending: 1, lost: 1 },
    };
    intake.heartbeat(node, encodeHeartbeat(beat));
    clock.nowMs += 2000;
    expect(intake.latest('idc-1')).toMatchObject({ heartbeat: beat, heartbeatAgeMs: 2000, series: 0 });
    expect(intake.renderMetrics()).toContain(
      'regnode_node_heartbeat_age_seconds{node="idc-1",pool="gpu"} 2\n',
    );
    clock.nowMs += 60_000;
    expect(intake.renderMetrics()).not.toContain('regnode_node_heartbeat_age_seconds');
    intake.forget('idc-1');
    expect(intake.latest('idc-1')).toBeUndefined();
  });
});

describe('pages', () => {
  const filled = (isElsewhere?: () => boolean) => {
    const world = setUp({}, isElsewhere);
    const source = new BatchSource(1)
      .describe(1, loadDescription)
      .describe(2, { ...loadDescription, labels: { device: 'x' } });
    world.accept(source.record(1, 5).record(2, 6).batch());
    return world;
  };

  test('of one node: without its name and pool, which are the target’s; of one that is not known: nothing', () => {
    const { intake } = filled();
    expect(intake.renderNode(node)).toBe('# TYPE node_load1 gauge\nnode_load1 5\nnode_load1{device="x"} 6\n');
    expect(intake.renderMetrics()).toContain('node_load1{node="idc-1",pool="gpu",device="x"} 6\n');
    expect(intake.renderNode(node), 'what is kept of names is of use to both').toContain('node_load1 5\n');
    expect(intake.renderNode('idc-2')).toBe('');
    expect(intake.renderOwn()).not.toContain('node_load1');
    expect(intake.renderOwn()).toContain('regnode_gateway_telemetry_nodes 1\n');
  });

  test('of all: not what another replica shows already', () => {
    let elsewhere = false;
    const { intake } = filled(() => elsewhere);
    expect(intake.renderMetrics()).toContain('node_load1{');
    elsewhere = true;
    expect(intake.renderMetrics()).not.toContain('node_load1{');
  });
});
