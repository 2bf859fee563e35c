// What runs where, as data with reasons: which versions of kubelet, containerd and Cilium a host may have by
// its kernel, cgroup version, C library and systemd, which go together, and which settings a pair needs.
// Preflight explains itself with these rows, the gateway chooses versions by them, the planner takes its
// settings from them. Nobody else knows such a fact.
import type { Text } from '../catalogue/text.ts';
import type { HostCondition } from './host-traits.ts';
import type { VersionRange } from './versions.ts';

export type Subject = 'kubelet' | 'containerd' | 'cilium';

export interface Rule {
  readonly id: string;
  /** All of it must hold of the host; what is not known of a host never holds. */
  readonly host: HostCondition;
  /** Must hold of the kubelet that runs beside. */
  readonly kubelet?: VersionRange;
  readonly subject: Subject;
  readonly versions: VersionRange;
  /** `refused`: does not work. `discouraged`: works, with what the reason says. */
  readonly verdict: 'allowed' | 'discouraged' | 'refused';
  readonly settings?: Readonly<Record<string, boolean | string>>;
  readonly reason: Text;
}

export const rules = [
  {
    id: 'kubelet-oldest',
    host: {},
    subject: 'kubelet',
    versions: { below: '1.18' },
    verdict: 'refused',
    reason: {
      en: 'registered nodes exist from Kubernetes 1.18 on',
      zh: '注册节点要求 Kubernetes 1.18 及以上',
    },
  },
  {
    id: 'kubelet-untried',
    host: {},
    subject: 'kubelet',
    versions: { atLeast: '1.37' },
    verdict: 'discouraged',
    reason: { en: 'regnode was tried up to Kubernetes 1.36', zh: 'regnode 最高验证到 Kubernetes 1.36' },
  },
  {
    id: 'kubelet-kernel-needed',
    host: { kernel: { below: '4.18' } },
    subject: 'kubelet',
    versions: {},
    verdict: 'refused',
    reason: {
      en: 'kernels before 4.18 lack what runtimes and kubelets take for granted',
      zh: '4.18 之前的内核缺少运行时与 kubelet 所需的功能',
    },
  },
  {
    id: 'kubelet-kernel-recommended',
    host: { kernel: { atLeast: '4.18', below: '5.4' } },
    subject: 'kubelet',
    versions: {},
    verdict: 'discouraged',
    reason: {
      en: 'Kubernetes is tried with the kernels 5.4, 5.10, 5.15 and 6',
      zh: 'Kubernetes 在 5.4、5.10、5.15、6 内核上经过验证',
    },
  },
  {
    id: 'cgroup-v1-late-kubelet',
    host: { cgroupVersion: 1 },
    subject: 'kubelet',
    versions: { atLeast: '1.35' },
    verdict: 'discouraged',
    settings: { failCgroupV1: false },
    reason: {
      en: 'kubelets from 1.35 on refuse cgroup v1 unless failCgroupV1 is false, and will drop it',
      zh: '1.35 起 kubelet 默认拒绝 cgroup v1，需设 failCgroupV1: false，以后将移除支持',
    },
  },
  {
    id: 'cgroup-v2-early-kubelet',
    host: { cgroupVersion: 2 },
    subject: 'kubelet',
    versions: { below: '1.19' },
    verdict: 'refused',
    reason: { en: 'kubelets know cgroup v2 from 1.19 on', zh: 'kubelet 自 1.19 起支持 cgroup v2' },
  },
  {
    id: 'cgroup-v2-kernel',
    host: { cgroupVersion: 2, kernel: { below: '5.8' } },
    subject: 'kubelet',
    versions: { atLeast: '1.25' },
    verdict: 'discouraged',
    reason: {
      en: 'Kubernetes asks for kernel 5.8 with cgroup v2: the freezer and the memory controller are complete from there on',
      zh: '使用 cgroup v2 时 Kubernetes 要求 5.8 内核：freezer 与内存控制器自此完整',
    },
  },
  {
    id: 'cgroup-v2-systemd',
    host: { cgroupVersion: 2, systemd: { below: '244' } },
    subject: 'kubelet',
    versions: {},
    verdict: 'discouraged',
    reason: {
      en: 'systemd hands the cpuset controller of cgroup v2 on from 244 on; before, pods cannot be bound to cores',
      zh: 'systemd 自 244 起才委派 cgroup v2 的 cpuset 控制器，此前 Pod 无法绑核',
    },
  },
  {
    id: 'containerd-oldest',
    host: {},
    subject: 'containerd',
    versions: { below: '1.6' },
    verdict: 'refused',
    reason: {
      en: "regnode's configuration (registry hosts, version 2) is that of containerd 1.6 and later",
      zh: 'regnode 的配置（registry hosts、version 2）适用于 containerd 1.6 及以上',
    },
  },
  {
    id: 'cri-alpha-only',
    host: {},
    kubelet: { below: '1.23' },
    subject: 'containerd',
    versions: { atLeast: '2.0' },
    verdict: 'refused',
    reason: {
      en: 'kubelets before 1.23 speak CRI v1alpha2 only, which containerd 2 has dropped',
      zh: '1.23 之前的 kubelet 只支持 CRI v1alpha2，而 containerd 2 已移除',
    },
  },
  {
    id: 'containerd-last-1',
    host: {},
    kubelet: { atLeast: '1.36', below: '1.37' },
    subject: 'containerd',
    versions: { below: '2.0' },
    verdict: 'discouraged',
    reason: {
      en: 'Kubernetes 1.35 is the last that is supported with containerd 1',
      zh: 'Kubernetes 1.35 是最后一个支持 containerd 1 的版本',
    },
  },
  {
    id: 'containerd-too-old',
    host: {},
    kubelet: { atLeast: '1.37' },
    subject: 'containerd',
    versions: { below: '2.0' },
    verdict: 'refused',
    reason: {
      en: 'kubelets from 1.37 on take the cgroup driver from the runtime alone (RuntimeConfig of the CRI), which containerd tells from 2.0 on',
      zh: 'kubelet 自 1.37 起只从运行时获取 cgroup 驱动（CRI 的 RuntimeConfig），containerd 自 2.0 起才提供',
    },
  },
  {
    id: 'containerd-c-library',
    host: { glibc: { below: '2.31' } },
    subject: 'containerd',
    versions: {},
    verdict: 'allowed',
    settings: { build: 'static' },
    reason: {
      en: 'the usual archives of containerd want glibc 2.31; the ones named containerd-static want none',
      zh: 'containerd 常规压缩包要求 glibc 2.31；名为 containerd-static 的则没有要求',
    },
  },
  {
    id: 'containerd-oom-score',
    host: { canLowerOomScore: false },
    subject: 'containerd',
    versions: {},
    verdict: 'allowed',
    settings: { restrict_oom_score_adj: true },
    reason: {
      en: 'root lacks CAP_SYS_RESOURCE here: runc may not lower oom_score_adj',
      zh: 'root 缺少 CAP_SYS_RESOURCE：runc 无法降低 oom_score_adj',
    },
  },
  {
    id: 'cilium-oldest',
    host: {},
    subject: 'cilium',
    versions: { below: '1.15' },
    verdict: 'refused',
    reason: {
      en: "regnode's manifests are those of Cilium 1.15 and later",
      zh: 'regnode 的清单适用于 Cilium 1.15 及以上',
    },
  },
  {
    id: 'cilium-untried',
    host: {},
    subject: 'cilium',
    versions: { atLeast: '1.19' },
    verdict: 'discouraged',
    reason: {
      en: "regnode's manifests were written up to Cilium 1.18",
      zh: 'regnode 的清单最高对应 Cilium 1.18',
    },
  },
  {
    id: 'cilium-kernel',
    host: { kernel: { below: '4.19.57' }, enterpriseKernel: { below: '8.6' } },
    subject: 'cilium',
    versions: {},
    verdict: 'refused',
    reason: {
      en: 'Cilium wants kernel 4.19.57, or that of RHEL 8.6',
      zh: 'Cilium 要求 4.19.57 内核，或 RHEL 8.6 的内核',
    },
  },
  {
    id: 'cilium-late-kernel',
    host: { kernel: { below: '5.10' }, enterpriseKernel: { below: '8.10' } },
    subject: 'cilium',
    versions: { atLeast: '1.18' },
    verdict: 'refused',
    reason: {
      en: 'Cilium from 1.18 on wants kernel 5.10, or that of RHEL 8.10',
      zh: 'Cilium 1.18 起要求 5.10 内核，或 RHEL 8.10 的内核',
    },
  },
  {
    id: 'cilium-early-kernel',
    host: { kernel: { below: '5.10' } },
    subject: 'cilium',
    versions: {},
    verdict: 'allowed',
    reason: {
      en: 'before kernel 5.10 there is no BPF host routing, before 5.7 no complete session affinity, before 5.6 no WireGuard',
      zh: '5.10 之前无 BPF 主机路由，5.7 之前会话保持不完整，5.6 之前无 WireGuard',
    },
  },
  {
    id: 'cilium-cluster',
    host: {},
    kubelet: { below: '1.21' },
    subject: 'cilium',
    versions: { atLeast: '1.16' },
    verdict: 'discouraged',
    reason: {
      en: 'Cilium from 1.16 on is made for Kubernetes 1.21 and later',
      zh: 'Cilium 1.16 起面向 Kubernetes 1.21 及以上',
    },
  },
] as const satisfies readonly Rule[];

export type RuleId = (typeof rules)[number]['id'];
