// Remote-write from the intake to a store over HTTP: what is refused, lost and counted first; then
// what arrives, with its time.
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { TelemetryIntake } from '../../../../../gateway/telemetry/intake.ts';
import { retryAfterMs } from '../../../../../gateway/telemetry/remote-write/destination.ts';
import {
  RemoteWrite,
  type RemoteWriteOptions,
} from '../../../../../gateway/telemetry/remote-write/remote-write.ts';
import { decodeAcknowledgement } from '../../../../../protocol/telemetry/acknowledgement.ts';
import { batchFlag } from '../../../../../protocol/telemetry/batch.ts';
import { BatchSource, loadDescription } from '../batches.ts';
import { type Answer, Store } from './store.ts';

const staleBits = 0x7ff0_0000_0000_0002n;
const patience = { timeout: 10_000, interval: 10 };
const nowMs = 1_800_000_000_000;

let store: Store;
let url: string;
let clock: { nowMs: number };
const opened: RemoteWrite[] = [];

beforeEach(async () => {
  store = new Store();
  url = await store.open();
  clock = { nowMs: 1000 };
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.stop()));
  store.close();
});

async function setUp(options: Partial<RemoteWriteOptions> = {}) {
  const registry = new Registry();
  const remoteWrite = new RemoteWrite({
    destination: { url },
    logger: { info: () => {}, warn: () => {} },
    nowMs: () => nowMs,
    ...options,
    sending: { gatherMs: 5, backoffFloorMs: 5, backoffCapMs: 20, ...options.sending },
  });
  await remoteWrite.start(registry);
  opened.push(remoteWrite);
  const intake = new TelemetryIntake({
    poolOf: () => 'gpu',
    sink: remoteWrite,
    monotonicMs: () => clock.nowMs,
  });
  return { remoteWrite, intake, registry };
}

function expectAccounted({ figures, pending }: RemoteWrite) {
  const dropped = [...figures.dropped.values()].reduce((sum, count) => sum + count, 0);
  expect(figures.given).toBe(pending + figures.storedSamples + dropped);
}

describe('what a store may do', () => {
  test('answer 503 and ask for a pause: the same request again, after it, and nothing is lost', async () => {
    const { remoteWrite, intake } = await setUp();
    let refusals = 0;
    store.answer = (): Answer => {
      refusals += 1;
      return refusals <= 3
        ? { status: 503, headers: refusals === 1 ? { 'retry-after': '1' } : {} }
        : { status: 200 };
    };
    intake.accept('idc-1', new BatchSource(1).describe(1, loadDescription).record(1, 0.5).batch(0, nowMs));
    await vi.waitFor(() => expect(remoteWrite.pending).toBe(0), patience);
    expect(store.valuesOf('node_load1')).toEqual([0.5]);
    const [first, second] = store.requests;
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThan(990);
    expect(
      new Set(
        store.requests.map(({ samples }) =>
          JSON.stringify(samples, (_, v) => (typeof v === 'bigint' ? `${v}` : v)),
        ),
      ).size,
    ).toBe(1);
    expect(Object.fromEntries(remoteWrite.figures.requests)).toEqual({ stored: 1, again: 3, refused: 0 });
    expectAccounted(remoteWrite);
  });

  test.each([400, 413, 422])(
    'refuse one node’s samples with %i: the others’ are stored, its own are counted, and it goes apart',
    async (status) => {
      const { remoteWrite, intake } = await setUp();
      store.answer = (samples) => ({
        status: samples.some(({ labels }) => labels.node === 'bad') ? status : 200,
      });
      const sources = ['good-1', 'bad', 'good-2'].map((node) => ({
        node,
        source: new BatchSource(1).describe(1, loadDescription),
      }));
      for (let round = 1; round <= 3; round += 1) {
        for (const { node, source } of sources)
          intake.accept(node, source.record(1, round).batch(0, nowMs + round));
        await vi.waitFor(() => {
          expect(remoteWrite.pending).toBe(0);
          expect(store.valuesOf('node_load1')).toHaveLength(2 * round);
        }, patience);
      }
      expect(remoteWrite.figures.dropped.get('refused')).toBe(3);
      const mixed = store.requests.filter(
        ({ samples }) => new Set(samples.map(({ labels }) => labels.node)).size > 1,
      );
      expect(mixed.filter(({ samples }) => samples.some(({ labels }) => labels.node === 'bad'))).toHaveLength(
        1,
      );
      expectAccounted(remoteWrite);
    },
  );

  test('be away for long: the oldest live samples go, and are counted', async () => {
    const { remoteWrite, intake } = await setUp({ queueSamples: 10 });
    store.answer = () => ({ status: 500 });
    const source = new BatchSource(1).describe(1, loadDescription);
    intake.accept('idc-1', source.record(1, 0).batch(0, nowMs));
    await vi.waitFor(() => expect(store.requests.length).toBeGreaterThan(1), patience);
    for (let value = 1; value <= 25; value += 1)
      intake.accept('idc-1', source.record(1, value).batch(0, nowMs + value));
    expect(remoteWrite.figures.dropped.get('queue-full')).toBe(15);
    expectAccounted(remoteWrite);
    store.answer = () => ({ status: 200 });
    await vi.waitFor(
      () => expect(store.valuesOf('node_load1')).toEqual([0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25]),
      patience,
    );
    expectAccounted(remoteWrite);
  });

  test('be away while a node replays its backlog: the node is told to wait, and nothing of it is dropped', async () => {
    const { remoteWrite, intake } = await setUp({ backlogSamples: 60 });
    store.answer = () => ({ status: 500 });
    const source = new BatchSource(1).describe(1, loadDescription);
    const send = (value: number) => {
      const payload = source.record(1, value).batch(batchFlag.replay, nowMs - 1000 + value);
      return { payload, answer: decodeAcknowledgement(intake.accept('idc-1', payload) ?? new Uint8Array()) };
    };
    const waiting: Uint8Array[] = [];
    for (let value = 1; value <= 100; value += 1) {
      const { payload, answer } = send(value);
      if (answer?.verdict === 'wait') waiting.push(payload);
      else expect(waiting, 'none is taken after one that was not').toEqual([]);
      if (waiting.length > 0) break;
    }
    expect(waiting).toHaveLength(1);
    store.answer = () => ({ status: 200 });
    await vi.waitFor(() => expect(remoteWrite.pending).toBe(0), patience);
    const [kept] = waiting;
    expect(decodeAcknowledgement(intake.accept('idc-1', kept as Uint8Array) as Uint8Array)?.verdict).toBe(
      'accepted',
    );
    await vi.waitFor(() => expect(remoteWrite.pending).toBe(0), patience);
    const values = store.valuesOf('node_load1');
    expect(values).toEqual(values.map((_, index) => index + 1));
    expect([...remoteWrite.figures.dropped.values()].every((count) => count === 0)).toBe(true);
  });
});

test('a node whose clock is a day ahead: its samples are not sent, or a store would refuse everybody else’s', async () => {
  const { remoteWrite, intake } = await setUp();
  const source = () => new BatchSource(1).describe(1, loadDescription);
  intake.accept(
    'idc-1',
    source()
      .record(1, 7)
      .batch(0, nowMs + 24 * 3600_000),
  );
  intake.accept('idc-2', source().record(1, 8).batch(0, nowMs));
  await vi.waitFor(() => expect(store.valuesOf('node_load1')).toEqual([8]), patience);
  expect(remoteWrite.figures.dropped.get('future')).toBe(1);
  expectAccounted(remoteWrite);
});

test('live and replayed values arrive once, with their own time and all labels', async () => {
  const { remoteWrite, intake } = await setUp({ labels: { cluster: 'prod', node: 'mine' } });
  const disks = { ...loadDescription, family: 'disks', labels: { device: 'vda', empty: '' } };
  const batch = new BatchSource(1)
    .describe(1, disks)
    .record(1, 0.25)
    .batch(0, nowMs - 10);
  intake.accept('idc-1', batch);
  intake.accept('idc-1', batch);
  const old = new BatchSource(2)
    .describe(9, disks)
    .record(9, 3)
    .record(9, 4)
    .batch(batchFlag.replay, nowMs - 5000);
  intake.accept('idc-1', old);
  intake.accept('idc-1', old);
  await vi.waitFor(() => expect(store.samples).toHaveLength(3), patience);
  const labels = {
    __name__: 'node_load1',
    cluster: 'prod',
    device: 'vda',
    instance: 'idc-1',
    job: 'regnode',
    node: 'idc-1',
    pool: 'gpu',
  };
  expect(store.samples[0]).toMatchObject({ labels, timestampMs: nowMs - 10, value: 0.25 });
  expect(Object.keys(store.samples[0]?.labels ?? {}), 'sorted, and none without a value').toEqual(
    Object.keys(labels),
  );
  expect(store.samples.slice(1).map(({ timestampMs, value }) => [timestampMs, value])).toEqual([
    [nowMs - 5000, 3],
    [nowMs - 5000, 4],
  ]);
  expect(intake.renderMetrics(), 'a replayed value is none of now').toContain(
    'device="vda",empty=""} 0.25\n',
  );
  expectAccounted(remoteWrite);
});

describe('staleness markers, bit by bit', () => {
  const markers = () => store.samples.filter(({ bits }) => bits === staleBits);

  test('when a disk has gone', async () => {
    const { intake } = await setUp();
    const source = new BatchSource(1).describe(1, loadDescription).record(1, 1);
    intake.accept('idc-1', source.batch(0, nowMs));
    intake.accept('idc-1', source.describe(1, { ...loadDescription, columns: [] }).batch(0, nowMs + 10));
    await vi.waitFor(
      () => expect(markers().map(({ timestampMs }) => timestampMs)).toEqual([nowMs + 10]),
      patience,
    );
  });

  test('when nothing was heard for three intervals, and never before the last value', async () => {
    const { intake } = await setUp();
    intake.accept('idc-1', new BatchSource(1).describe(1, loadDescription).record(1, 1).batch(0, nowMs));
    clock.nowMs += 8001;
    intake.sweep();
    await vi.waitFor(
      () => expect(markers().map(({ timestampMs }) => timestampMs)).toEqual([nowMs + 8000]),
      patience,
    );
  });

  test('when the node was removed', async () => {
    const { intake } = await setUp();
    intake.accept('idc-1', new BatchSource(1).describe(1, loadDescription).record(1, 1).batch(0, nowMs));
    intake.forget('idc-1');
    await vi.waitFor(
      () => expect(markers().map(({ timestampMs }) => timestampMs)).toEqual([nowMs + 1]),
      patience,
    );
  });

  test('when a column has no value any more, or is described no more', async () => {
    const { intake } = await setUp();
    const two = {
      ...loadDescription,
      columns: [...loadDescription.columns, { name: 'node_load5', type: 'gauge' as const }],
    };
    const source = new BatchSource(1).describe(1, two).record(1, 1, 5);
    intake.accept('idc-1', source.batch(0, nowMs));
    intake.accept('idc-1', source.record(1, 2, Number.NaN).batch(0, nowMs + 1));
    intake.accept('idc-1', source.record(1, 3, Number.NaN).batch(0, nowMs + 2));
    intake.accept('idc-1', source.describe(1, { ...two, columns: two.columns.slice(1) }).batch(0, nowMs + 3));
    await vi.waitFor(() => {
      expect(markers().map(({ labels, timestampMs }) => [labels.__name__, timestampMs])).toEqual([
        ['node_load5', nowMs + 1],
        ['node_load1', nowMs + 3],
      ]);
    }, patience);
  });
});

test('credentials come from files and are read anew for each request', async () => {
  const file = join(tmpdir(), `regnode-remote-write-${process.pid}`);
  await writeFile(file, 'first\n');
  const { remoteWrite } = await setUp({ destination: { url, bearerTokenFile: file } });
  remoteWrite.own('gateway-1', [{ name: 'up', labels: {}, value: 1 }]);
  await vi.waitFor(() => expect(store.requests).toHaveLength(1), patience);
  await writeFile(file, 'second\n');
  remoteWrite.own('gateway-1', [{ name: 'up', labels: {}, value: 1 }]);
  await vi.waitFor(() => expect(store.requests).toHaveLength(2), patience);
  expect(store.requests.map(({ headers }) => headers.authorization)).toEqual([
    'Bearer first',
    'Bearer second',
  ]);
  expect(store.requests[0]?.headers).toMatchObject({
    'content-encoding': 'snappy',
    'content-type': 'application/x-protobuf',
    'x-prometheus-remote-write-version': '0.1.0',
  });
  await expect(
    setUp({ destination: { url, username: 'me', passwordFile: `${file}-absent` } }),
  ).rejects.toMatchObject({
    code: 'CREDENTIAL_UNREADABLE',
    values: { detail: 'ENOENT' },
  });
});

test('a stop sends what waits, once', async () => {
  const { remoteWrite } = await setUp({ sending: { gatherMs: 60_000 } });
  remoteWrite.own('gateway-1', [{ name: 'up', labels: {}, value: 1 }]);
  await remoteWrite.stop();
  expect(store.samples.map(({ labels }) => labels)).toEqual([
    { __name__: 'up', instance: 'gateway-1', job: 'regnode-gateway' },
  ]);
  expectAccounted(remoteWrite);
});

test.each([
  ['30', 30_000],
  ['9999999', 300_000],
  ['Wed, 21 Oct 2026 07:28:10 GMT', 10_000],
  ['Wed, 21 Oct 2026 07:27:00 GMT', 0],
  ['soon', undefined],
  [undefined, undefined],
])('Retry-After: %s', (header, expected) => {
  expect(retryAfterMs(header, Date.parse('2026-10-21T07:28:00Z'))).toBe(expected);
});
