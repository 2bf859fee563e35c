// Collectors of what a node has and a plain host has not: pods' volumes, what kubelet and
// containerd hold, the private line.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Procfs } from '../../../../agent/host/procfs.ts';
import type { LineMeasurement } from '../../../../agent/state/line-measurement.ts';
import type { Collector, RecordShape, Sink } from '../../../../agent/telemetry/collectors/collector.ts';
import {
  filesystemsCollector,
  type RemoteSpace,
} from '../../../../agent/telemetry/collectors/filesystems.ts';
import { LineCollector, lineValues } from '../../../../agent/telemetry/collectors/line.ts';
import { runtime } from '../../../../agent/telemetry/collectors/runtime.ts';
import { volumesCollector } from '../../../../agent/telemetry/collectors/volumes.ts';

const pods = '/var/lib/kubelet/pods';
const tasks = '/run/containerd/io.containerd.runtime.v2.task/k8s.io';
const claim = `${pods}/u1/volumes/kubernetes.io~csi/pvc-7/mount`;
const shared = `${pods}/u2/volumes/kubernetes.io~nfs/shared`;
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'regnode-node-collectors-'));
  for (const folder of [claim, shared, `${pods}/u3`, `${tasks}/a`, `${tasks}/b`, '/proc/self']) {
    await mkdir(join(root, folder), { recursive: true });
  }
  const mounts = [
    `/dev/vdc ${claim} ext4 rw 0 0`,
    `10.0.0.9:/x ${shared} nfs4 rw 0 0`,
    `tmpfs ${pods}/u1/volumes/kubernetes.io~projected/token tmpfs rw 0 0`,
    `tmpfs ${pods}/u1/volumes/kubernetes.io~secret/key tmpfs rw 0 0`,
    `tmpfs ${pods}/u9/volumes/kubernetes.io~empty-dir/gone tmpfs rw 0 0`,
    'a line of garbage',
    '',
  ];
  await writeFile(join(root, '/proc/self/mounts'), mounts.join('\n'));
});
afterAll(() => rm(root, { recursive: true }));

function collect(collector: Collector, { at = root, monotonicMs = 0 } = {}) {
  const samples = new Map<string, number>();
  const sink: Sink = {
    columns: new Float64Array(0),
    open: () => -1,
    put(shape: RecordShape, labelValues, values) {
      for (const [index, { name, labels }] of shape.columns.entries()) {
        samples.set(
          [name, ...labelValues, ...Object.values(labels ?? {})].join(' '),
          values[index] ?? Number.NaN,
        );
      }
    },
  };
  let faults = 0;
  const procfs = new Procfs(at);
  collector.collect({ procfs, sink, nowMs: 0, monotonicMs, fault: () => (faults += 1) });
  procfs.close();
  return { samples, faults };
}

describe('volumes of pods', () => {
  const size = 'regnode_node_pod_volume_size_bytes';

  test('a claim has its room; one that hangs and one that vanished cost a counted error each; secrets are left out', () => {
    const silent: RemoteSpace = { space: () => undefined };
    const { samples, faults } = collect(volumesCollector(silent));
    expect(samples.get(`${size} u1 csi pvc-7`)).toBeGreaterThan(0);
    expect(samples.get('regnode_node_pod_volume_error u1 csi pvc-7')).toBe(0);
    expect(samples.get(`${size} u2 nfs shared`)).toBeNaN();
    expect(samples.get('regnode_node_pod_volume_error u2 nfs shared')).toBe(1);
    expect(samples.get('regnode_node_pod_volume_error u9 empty-dir gone')).toBe(1);
    expect(faults).toBe(2);
    expect([...samples.keys()].filter((key) => key.startsWith(size))).toHaveLength(3);
  });

  test('shared storage is asked through the patient one, never here', () => {
    const asked: string[] = [];
    const space = { blockBytes: 4096, blocks: 10, freeBlocks: 5, availableBlocks: 4, files: 3, freeFiles: 2 };
    const patient: RemoteSpace = {
      space: (point) => {
        asked.push(point);
        return space;
      },
    };
    const { samples } = collect(volumesCollector(patient));
    expect(asked).toEqual([shared]);
    expect(samples.get('regnode_node_pod_volume_avail_bytes u2 nfs shared')).toBe(16_384);
  });

  test('they are not file systems of the host', () => {
    expect(collect(filesystemsCollector({ space: () => undefined })).samples.size).toBe(0);
  });
});

test('what kubelet and containerd hold; a host before its join says nothing of it', () => {
  expect([...collect(runtime).samples]).toEqual([
    ['regnode_node_kubelet_pods', 3],
    ['regnode_node_containerd_tasks', 2],
  ]);
  expect(collect(runtime, { at: join(root, 'none-such') }).samples.size).toBe(0);
});

describe('the private line', () => {
  const seen: LineMeasurement = {
    schema: 1,
    at: '2026-01-01T00:00:10.000Z',
    durationMs: 1000,
    gatewayUrl: 'https://10.77.0.1',
    hops: [
      { hop: 'route', detail: '' },
      { hop: 'tcp', milliseconds: 2, detail: '' },
    ],
    roundTrip: {
      over: 'udp',
      sent: 20,
      received: 19,
      minMs: 1,
      p50Ms: 2,
      p90Ms: 3,
      p99Ms: 4,
      maxMs: 5,
      jitterMs: 0.5,
    },
    lossPercent: 5,
    notMeasured: [],
    thresholds: {} as LineMeasurement['thresholds'],
  };

  test('is written down as it was measured, in seconds; what was not measured is left out', () => {
    const collector = new LineCollector();
    expect(collect(collector).samples.size).toBe(0);
    collector.measured(lineValues(seen));
    const { samples } = collect(collector, { monotonicMs: 5000 });
    expect(samples.get('regnode_node_line_measured_timestamp_seconds')).toBe(1_767_225_610);
    expect(samples.get('regnode_node_line_round_trip_seconds 0.9')).toBe(0.003);
    expect(samples.get('regnode_node_line_loss_ratio')).toBe(0.05);
    expect(samples.get('regnode_node_line_hop_seconds tcp')).toBe(0.002);
    expect(samples.get('regnode_node_line_hop_seconds tls')).toBeNaN();
    expect(samples.get('regnode_node_line_path_mtu_bytes')).toBeNaN();
  });

  test('says nothing any more when no look has come for three minutes', () => {
    const collector = new LineCollector();
    collector.measured(lineValues(seen));
    expect(collect(collector, { monotonicMs: 1000 }).samples.size).toBeGreaterThan(0);
    expect(collect(collector, { monotonicMs: 181_000 }).samples.size).toBeGreaterThan(0);
    expect(collect(collector, { monotonicMs: 181_001 }).samples.size).toBe(0);
    collector.measured(lineValues(seen));
    expect(collect(collector, { monotonicMs: 181_002 }).samples.size).toBeGreaterThan(0);
  });
});
