// Keeps the lines of a configuration whose key is known to hold no secret. Of the other lines it
// gives only the number. Pure.

const keys = {
  kubelet:
    /^\s*(?:apiVersion|kind|cgroupDriver|resolvConf|clusterDomain|clusterDNS|maxPods|nodeStatus\w+|rotateCertificates|serverTLSBootstrap|failCgroupV1|containerRuntimeEndpoint|volumePluginDir|eviction\w*|imageGC\w+|systemReserved|kubeReserved|protectKernelDefaults|\w+\.available|cpu|memory):(?:\s*["\w./:%<-]*)$|^\s*- "?[\da-f.:]+"?$/,
  containerd:
    /^\s*(?:version|root|state|address|sandbox_image|sandbox|restrict_oom_score_adj|config_path|default_runtime_name|runtime_type|BinaryName|SystemdCgroup|disabled_plugins)\s*=["\w./:[\],\s-]*$|^\s*\[[\w."-]+\]$/,
  resolver: /^\s*(?:nameserver\s+[\da-f.:]+|search(?:\s+[\w.-]+)+|options(?:\s+[\w:-]+)+)$/,
  osRelease: /^(?:NAME|VERSION|ID|ID_LIKE|VERSION_ID|PLATFORM_ID|PRETTY_NAME|CPE_NAME)="?[\w .:/()+-]*"?$/,
  memory: /^[A-Za-z_()0-9]+:\s+\d+(?: kB)?$/,
} as const;

export function keptLines(of: keyof typeof keys, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !/^\s*#/.test(line));
  const kept = lines.filter((line) => keys[of].test(line));
  const left = lines.length - kept.length;
  return [...kept, ...(left === 0 ? [] : [`# ${left} lines left out`]), ''].join('\n');
}
