// Cilium's host side. The gateway brings agent and operator as pods; what the host must have before they
// run is made here: kernel modules, parameters, the two file systems that the agent expects. So it is in
// the journal, and a leave gives it back. Other networks' configuration is moved away, because the kubelet
// takes the first file by name.
import { command, line, words } from '../../../protocol/formats/systemd.ts';
import { paths } from '../../config/paths.ts';
import type { Resource, SysctlResource } from '../../plan/resource.ts';
import type { Component, NodeFacts } from '../component.ts';
import { configurationFile } from '../system/configuration-file.ts';
import { ownFolder } from '../trees.ts';
import { mountUnit, runningUnit } from '../unit-file.ts';

/** Loaded by Cilium otherwise, and nobody would unload them. */
export const ciliumModules = [
  'vxlan',
  'sch_ingress',
  'cls_bpf',
  'ip_tables',
  'iptable_filter',
  'iptable_mangle',
  'iptable_nat',
  'iptable_raw',
];

/**
 * Cilium's agent sets these by itself. systemd knows wildcards in names of links only
 * since 246, hence `default`.
 */
const parameters: readonly Omit<SysctlResource, 'kind'>[] = [
  // The stricter of `all` and the link's own value counts; new links (Cilium's) begin with `default`.
  { name: 'net.ipv4.conf.all.rp_filter', value: '0' },
  { name: 'net.ipv4.conf.default.rp_filter', value: '0' },
  { name: 'net.ipv4.fib_multipath_use_neigh', value: '1' },
  { name: 'net.core.bpf_jit_enable', value: '1' },
  { name: 'kernel.timer_migration', value: '0' },
  // Once 1 it is so until the next boot, which a leave then says.
  { name: 'kernel.unprivileged_bpf_disabled', value: '1', atLeast: true },
];

export const ciliumComponent: Component = {
  name: 'cilium',
  plan(facts, { desired }) {
    if (desired.network.mode !== 'cilium') return [];
    const modules = facts.modulesToLoad.filter((name) => ciliumModules.includes(name));
    return [
      ...facts.otherNetworks.map(
        (path): Resource => ({ kind: 'set-aside', path, why: "another network's configuration" }),
      ),
      ...(modules.length === 0 ? [] : [configurationFile(paths.ciliumModulesFile, modules)]),
      configurationFile(paths.ciliumSysctlFile, sysctlLines()),
      ...ciliumModules.map((name): Resource => ({ kind: 'module', name })),
      ...parameters.map((parameter): Resource => ({ kind: 'sysctl', ...parameter })),
      ...bpfFileSystem(facts),
      ownFolder(paths.ciliumRun),
      ...mountUnit({ where: paths.ciliumCgroups, type: 'cgroup2', what: 'cgroup2', why: 'services by BPF' }),
      { kind: 'cilium-data-path', cgroupRoot: paths.ciliumCgroups },
      { kind: 'claim', path: `${paths.cniBinaries}/cilium-cni`, by: 'Cilium' },
      { kind: 'claim', path: `${paths.cniConfiguration}/05-cilium.conflist`, by: 'Cilium' },
    ];
  },
};

/**
 * systemd mounts it by itself from 238 on, but not in a container; then it is none of ours. Where systemd
 * knows the place it refuses a mount unit for it, so it is a service that mounts.
 */
function bpfFileSystem({ bpfIsMounted }: NodeFacts): Resource[] {
  if (bpfIsMounted) return [];
  return runningUnit({
    name: paths.bpfUnit,
    unit: [
      ['Description', line("the BPF file system for Cilium's maps (regnode)")],
      ['DefaultDependencies', words('no')],
      ['Before', words('containerd.service', 'kubelet.service')],
    ],
    service: [
      ['Type', words('oneshot')],
      ['RemainAfterExit', words('yes')],
      ['ExecStart', command('/bin/sh', '-c', 'mountpoint -q /sys/fs/bpf || mount -t bpf bpffs /sys/fs/bpf')],
      ['ExecStop', command('/bin/umount', '/sys/fs/bpf')],
    ],
    inputs: [],
    stamped: false,
  });
}

function sysctlLines(): string[] {
  return parameters.map(({ name, value }) => `${name} = ${value}`);
}
