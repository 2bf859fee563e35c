// containerd's configuration by its version: 1.6 and 1.7 read version 2, 2.x reads version 3, where the CRI
// plugin was cut in two. Everything that containerd would put outside its own folder is named, so that nothing of it is left
// (its `opt` plugin makes /opt/containerd otherwise). Pure.
import { paths } from '../../config/paths.ts';
import type { NodeFacts } from '../component.ts';
import { isAtLeast, parseVersion } from '../version.ts';

export interface ContainerdSettings {
  readonly version: string;
  readonly sandboxImage: string;
  readonly runcPath: string;
}

export function containerdConfiguration(facts: NodeFacts, settings: ContainerdSettings): string {
  const isSecond = isAtLeast(parseVersion(settings.version), 2, 0);
  return [
    ...head(isSecond ? 3 : 2),
    ...(isSecond ? version3(facts, settings) : version2(facts, settings)),
    '',
  ].join('\n');
}

function head(version: 2 | 3): string[] {
  return [
    '# Written by regnode; changed by hand it is set back.',
    `version = ${version}`,
    `root = "${paths.containerdData}"`,
    `state = "${paths.containerdRun}"`,
    '',
    '[grpc]',
    `  address = "${paths.containerdSocket}"`,
    '',
    '[plugins."io.containerd.internal.v1.opt"]',
    `  path = "${paths.containerdData}/opt"`,
    '',
  ];
}

function version2(facts: NodeFacts, settings: ContainerdSettings): string[] {
  const plugin = 'plugins."io.containerd.grpc.v1.cri"';
  return [
    `[${plugin}]`,
    `  sandbox_image = ${text(settings.sandboxImage)}`,
    ...oomScore(facts),
    `[${plugin}.registry]`,
    '  config_path = "/etc/containerd/certs.d"',
    ...runtime(plugin, facts, settings),
  ];
}

function version3(facts: NodeFacts, settings: ContainerdSettings): string[] {
  const images = 'plugins."io.containerd.cri.v1.images"';
  const plugin = 'plugins."io.containerd.cri.v1.runtime"';
  return [
    `[${images}.pinned_images]`,
    `  sandbox = ${text(settings.sandboxImage)}`,
    `[${images}.registry]`,
    '  config_path = "/etc/containerd/certs.d"',
    `[${plugin}]`,
    ...oomScore(facts),
    ...runtime(plugin, facts, settings),
  ];
}

function oomScore({ canLowerOomScore }: NodeFacts): string[] {
  if (canLowerOomScore) return [];
  return [
    '  # Root lacks CAP_SYS_RESOURCE here: runc may not lower oom_score_adj.',
    '  restrict_oom_score_adj = true',
  ];
}

function runtime(plugin: string, facts: NodeFacts, { runcPath }: ContainerdSettings): string[] {
  return [
    `[${plugin}.containerd]`,
    '  default_runtime_name = "runc"',
    `[${plugin}.containerd.runtimes.runc]`,
    '  runtime_type = "io.containerd.runc.v2"',
    `[${plugin}.containerd.runtimes.runc.options]`,
    `  BinaryName = ${text(runcPath)}`,
    `  # ${facts.cgroupDriverReason}`,
    `  SystemdCgroup = ${facts.cgroupDriver === 'systemd'}`,
  ];
}

function text(value: string): string {
  return JSON.stringify(value); // a JSON string is a TOML basic string
}
