// Every path of the host that regnode touches, in one place. What is below `state` is regnode's own memory
// (undone as a whole at the very end of a leave); everything else is changed only by journaled steps.

export const paths = {
  configuration: '/etc/regnode/agent.json',

  state: '/var/lib/regnode',
  stateFile: '/var/lib/regnode/state.json',
  trust: '/var/lib/regnode/trust.json',
  journal: '/var/lib/regnode/journal',
  backups: '/var/lib/regnode/backups',
  /** What was made, as hashes: tells drift from a change of the desired state. */
  applied: '/var/lib/regnode/applied.json',
  staging: '/var/lib/regnode/staging',
  artifacts: '/var/lib/regnode/artifacts',
  spool: '/var/lib/regnode/spool',
  identity: '/var/lib/regnode/identity',
  key: '/var/lib/regnode/identity/key.pem',
  certificate: '/var/lib/regnode/identity/certificate.pem',
  authority: '/var/lib/regnode/identity/ca.pem',
  lock: '/var/lib/regnode/lock',
  reserve: '/var/lib/regnode/reserve',
  doctorRecord: '/var/lib/regnode/doctor.json',
  /**
   * The state folder is renamed to this at the end of a leave, so that it is gone at once and swept later.
   */
  stateRemoved: '/var/lib/.regnode.removed',
  /** A second copy of what undoes our changes, for a host whose state folder is lost. */
  recovery: '/var/lib/.regnode.recovery',
  /** A third one, beside the programs: for whoever clears all of /var/lib of us. */
  recoveryBeside: '/opt/regnode/components/.recovery',

  run: '/run/regnode',
  status: '/run/regnode/status.json',

  agentHome: '/opt/regnode',
  agentReleases: '/opt/regnode/releases',
  agentCurrent: '/opt/regnode/current',
  agentUnit: '/etc/systemd/system/regnode.service',
  /** What the guard of a new agent goes by (upgrade/agent/). */
  upgrade: '/var/lib/regnode/upgrade',
  upgradeTrial: '/var/lib/regnode/upgrade/trial',
  upgradeStarts: '/var/lib/regnode/upgrade/starts',
  upgradeFailed: '/var/lib/regnode/upgrade/failed',
  guard: '/var/lib/regnode/upgrade/guard.sh',

  components: '/opt/regnode/components',
  units: '/etc/systemd/system',
  unitWants: '/etc/systemd/system/multi-user.target.wants',
  sysctlFile: '/etc/sysctl.d/90-regnode.conf',
  modulesFile: '/etc/modules-load.d/regnode.conf',

  ciliumModulesFile: '/etc/modules-load.d/regnode-cilium.conf',
  /** After those of distributions: the last one counts. */
  ciliumSysctlFile: '/etc/sysctl.d/99-zz-regnode-cilium.conf',
  bpfUnit: 'regnode-bpffs.service',
  ciliumRun: '/run/cilium',
  ciliumCgroups: '/run/cilium/cgroupv2',

  containerdConfiguration: '/etc/containerd/config.toml',
  /** An operator's drop-ins, and ours among them. */
  containerdDropIns: '/etc/containerd/conf.d',
  containerdDropIn: '/etc/containerd/conf.d/90-regnode.toml',
  registries: '/etc/containerd/certs.d',
  containerdData: '/var/lib/containerd',
  containerdRun: '/run/containerd',
  containerdSocket: '/run/containerd/containerd.sock',
  /** Where plugins find containerd 2 (NRI). */
  nriRun: '/run/nri',

  cniBinaries: '/opt/cni/bin',
  cniConfiguration: '/etc/cni/net.d',
  cniData: '/var/lib/cni',

  kubeletData: '/var/lib/kubelet',
  kubeletConfiguration: '/var/lib/kubelet/config.yaml',
  /** An operator's own drop-ins. */
  kubeletDropIns: '/etc/kubernetes/kubelet.conf.d',
  kubeletKubeconfig: '/etc/kubernetes/kubelet.conf',
  /** What the kubeconfig is set to before each start of the kubelet. */
  kubeletAccess: '/etc/kubernetes/kubelet-access.conf',
  kubeletBootstrap: '/etc/kubernetes/bootstrap-kubelet.conf',
  clusterAuthority: '/etc/kubernetes/pki/ca.crt',
  podLogs: '/var/log/pods',
  containerLogs: '/var/log/containers',
} as const;

/** /opt/regnode/components/<name>/<version> */
export function componentTree(name: string, version: string): string {
  return `${paths.components}/${name}/${version}`;
}

/** The link that says which version is in use. */
export function componentLink(name: string): string {
  return `${paths.components}/${name}/current`;
}
