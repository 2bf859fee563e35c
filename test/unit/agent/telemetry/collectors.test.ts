// Every collector on captured /proc and /sys trees: a 4.14 kernel as of TencentOS 2.4 (control groups version
// 1, no pressure) and a 5.4 kernel as of TencentOS 3.1 with both on.
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { Procfs } from '../../../../agent/host/procfs.ts';
import type { Collector, RecordShape, Sink } from '../../../../agent/telemetry/collectors/collector.ts';
import type { RemoteSpace } from '../../../../agent/telemetry/collectors/filesystems.ts';
import { GroupSink } from '../../../../agent/telemetry/collectors/group-sink.ts';
import { collectorsOf } from '../../../../agent/telemetry/collectors/registry.ts';
import { Rounds } from '../../../../agent/telemetry/collectors/round.ts';
import { RingConsumer } from '../../../../agent/telemetry/ring/consumer.ts';
import { createRing } from '../../../../agent/telemetry/ring/layout.ts';
import { RingProducer } from '../../../../agent/telemetry/ring/producer.ts';
import { columnSchema } from '../../../../protocol/telemetry/description-schema.ts';

const root = (kernel: string) =>
  fileURLToPath(new URL(`../../../fixtures/telemetry/${kernel}`, import.meta.url));
const noRemote: RemoteSpace = { space: () => undefined };

/** Keeps `name{labels}` → value. */
class SampleSink implements Sink {
  readonly columns = new Float64Array(4096);
  readonly samples = new Map<string, number>();
  readonly shapes = new Set<RecordShape>();

  open(): number {
    throw new Error('not used by these collectors');
  }

  put(shape: RecordShape, labelValues: readonly string[], values: ArrayLike<number>): void {
    this.shapes.add(shape);
    for (const [index, { name, labels }] of shape.columns.entries()) {
      const own = shape.labelNames.map((label, position) => `${label}=${labelValues[position]}`);
      const more = Object.entries(labels ?? {}).map(([label, value]) => `${label}=${value}`);
      this.samples.set(`${name}{${[...own, ...more].join(',')}}`, values[index] ?? Number.NaN);
    }
  }
}

function collect(kernel: string, only?: string, remote = noRemote) {
  const procfs = new Procfs(root(kernel));
  const sink = new SampleSink();
  let faults = 0;
  const written = new Map<RecordShape, Collector>();
  const chosen = collectorsOf(remote).filter(({ name }) => only === undefined || name === only);
  for (const collector of chosen) {
    collector.collect({ procfs, sink, nowMs: 1e12, monotonicMs: 5000, fault: () => (faults += 1) });
    for (const shape of sink.shapes) written.set(shape, written.get(shape) ?? collector);
  }
  procfs.close();
  for (const [shape, collector] of written) expect(collector.shapes).toContain(shape);
  return { sink, value: (key: string) => sink.samples.get(key), faults };
}

describe.each(['kernel-4.14', 'kernel-5.4'])('%s', (kernel) => {
  test('what both have', () => {
    const { value } = collect(kernel);
    expect(value('node_cpu_seconds_total{cpu=1,mode=user}')).toBe(605);
    expect(value('node_cpu_seconds_total{cpu=0,mode=steal}')).toBe(0.3);
    expect(value('node_context_switches_total{}')).toBe(987654321);
    expect(value('node_boot_time_seconds{}')).toBe(1700000000);
    expect(value('node_load1{}')).toBe(0.52);
    expect(value('node_processes_threads{}')).toBe(413);
    expect(value('node_memory_MemAvailable_bytes{}')).toBe(14511808 * 1024);
    expect(value('node_memory_HugePages_Total{}')).toBe(4);
    expect(value('node_vmstat_pgmajfault{}')).toBe(4321);
    expect(value('node_disk_read_bytes_total{device=vda}')).toBe(2334738 * 512);
    expect(value('node_disk_io_now{device=vda}')).toBe(1);
    expect(value('node_network_receive_bytes_total{device=eth0}')).toBe(350707074);
    expect(value('node_network_transmit_carrier_total{device=eth0}')).toBe(7);
    expect(value('node_network_speed_bytes{device=eth0}')).toBe(1.25e9);
    expect(value('node_network_speed_bytes{device=lo}')).toBeNaN();
    expect(value('node_network_up{device=vethab12}')).toBeUndefined();
    expect(value('node_sockstat_TCP_tw{}')).toBe(7);
    expect(value('node_netstat_Tcp_RetransSegs{}')).toBe(70);
    expect(value('node_netstat_TcpExt_ListenDrops{}')).toBe(3);
    expect(value('node_nf_conntrack_entries_limit{}')).toBe(262144);
    expect(value('node_processes_pids{}')).toBe(2);
    expect(value('node_filefd_maximum{}')).toBe(1611234);
    expect(value('node_uptime_seconds{}')).toBe(86412.31);
    expect(value('regnode_agent_cpu_seconds_total{}')).toBe(4);
    expect(value('regnode_agent_open_fds{}')).toBe(2);
  });

  test('every column has a name and labels that the protocol allows', () => {
    for (const shape of collect(kernel).sink.shapes) {
      for (const column of shape.columns) expect(columnSchema.safeParse(column).success).toBe(true);
    }
  });
});

describe('where the kernels differ', () => {
  test('4.14: no discards, no pressure, control groups apart', () => {
    const { value } = collect('kernel-4.14');
    expect(value('node_disk_discards_completed_total{device=vda}')).toBeNaN();
    expect(value('node_pressure_cpu_waiting_seconds_total{}')).toBeUndefined();
    expect(value('node_cgroup_cpu_seconds_total{group=kubelet}')).toBe(5.25);
    expect(value('node_cgroup_cpu_throttled_seconds_total{group=kubelet}')).toBe(1.5);
    expect(value('node_cgroup_memory_working_set_bytes{group=kubelet}')).toBe(100_000_000);
    expect(value('node_cgroup_pids{group=kubelet}')).toBe(17);
    expect(value('node_cgroup_pids{group=pods}')).toBeUndefined();
  });

  test('5.4: discards, pressure, one tree of control groups, and a line of garbage that costs one fault', () => {
    const { value } = collect('kernel-5.4');
    expect(value('node_disk_discards_completed_total{device=vda}')).toBe(3159);
    expect(value('node_disk_flush_requests_total{device=vda}')).toBeNaN();
    expect(value('node_disk_reads_completed_total{device=nvme0n1p1}')).toBeUndefined();
    expect(value('node_pressure_memory_stalled_seconds_total{}')).toBe(0.5);
    expect(value('node_cgroup_cpu_seconds_total{group=pods}')).toBe(7.5);
    expect(value('node_thermal_zone_temp{zone=0,type=x86_pkg_temp}')).toBe(47.5);
    expect(collect('kernel-5.4', 'disks').faults).toBe(1);
  });
});

describe('file systems', () => {
  test('octal blanks, read-only, pods left out; a mount that gives no answer is an error of its own', () => {
    const { value, faults, sink } = collect('kernel-5.4', 'filesystems');
    const data = 'device=/dev/vdb,fstype=ext4,mountpoint=/data disk';
    expect(value(`node_filesystem_readonly{${data}}`)).toBe(1);
    expect(value(`node_filesystem_size_bytes{${data}}`)).toBeGreaterThan(0);
    const nfs = 'device=10.0.0.9:/export,fstype=nfs4,mountpoint=/mnt/nfs';
    expect(value(`node_filesystem_device_error{${nfs}}`)).toBe(1);
    expect(value(`node_filesystem_size_bytes{${nfs}}`)).toBeNaN();
    expect(faults).toBe(1);
    const points = new Set([...sink.samples.keys()].map((key) => /mountpoint=([^}]*)/.exec(key)?.[1]));
    expect([...points].sort()).toEqual(['/', '/data disk', '/mnt/nfs', '/run']);
  });

  test('one across a network is asked through the patient one', () => {
    const space = { blockBytes: 4096, blocks: 10, freeBlocks: 5, availableBlocks: 4, files: 3, freeFiles: 2 };
    const { value, faults } = collect('kernel-5.4', 'filesystems', { space: () => space });
    const nfs = 'device=10.0.0.9:/export,fstype=nfs4,mountpoint=/mnt/nfs';
    expect(value(`node_filesystem_avail_bytes{${nfs}}`)).toBe(16384);
    expect(faults).toBe(0);
  });
});

describe('a round', () => {
  function round(collectors: readonly Collector[]) {
    const memory = createRing({ capacityBytes: 65536, epoch: 1 });
    const sink = new GroupSink(new RingProducer(memory), 1000);
    const clock = { nowMs: () => 0, monotonicMs: () => 0 };
    const rounds = new Rounds(collectors, new Procfs(root('kernel-5.4')), sink, clock, 0);
    return { rounds, ring: new RingConsumer(memory) };
  }

  test('an empty host: every family fails or is silent by itself, none stops the others', () => {
    const { sink, faults } = collect('none-such');
    expect(faults).toBeGreaterThan(0);
    expect(sink.samples.get('node_time_seconds{}')).toBe(1e9);
  });

  test('a collector that throws costs one counted error; the others are collected', () => {
    const broken: Collector = {
      name: 'broken',
      shapes: [],
      collect() {
        throw new Error('EIO');
      },
    };
    const { rounds, ring } = round([broken, ...collectorsOf(noRemote)]);
    rounds.run();
    const { written, lost } = ring.account();
    expect(lost).toBe(0);
    expect(written).toBeGreaterThan(40);
  });

  test('groups are described once, and retired when they fall silent', () => {
    let devices = ['a', 'b'];
    const shape: RecordShape = {
      family: 'x',
      labelNames: ['device'],
      columns: [{ name: 'x', type: 'gauge' }],
    };
    const flapping: Collector = {
      name: 'flapping',
      shapes: [shape],
      collect({ sink }) {
        for (const device of devices) sink.put(shape, [device], [1]);
      },
    };
    const { rounds, ring } = round([flapping]);
    rounds.run();
    // Two descriptions and records of x, one of each about the collector.
    expect(ring.account().written).toBe(6);
    devices = ['a'];
    rounds.run();
    rounds.run();
    expect(ring.account().written).toBe(10);
    rounds.run();
    expect(ring.account().written).toBe(13);
  });
});
