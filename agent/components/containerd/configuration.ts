// containerd's configuration by its version: 1.6 and 1.7 read version 2, 2.x reads version 3, where the CRI plugin was cut in two.
// The main file says where things are and imports the drop-ins; the plugins stand in a drop-in of our own. containerd replaces a
// plugin's whole section by that of a later file: an operator's 10-….toml can't take ours away by accident, a 99-….toml can on
// purpose. Everything that containerd would put outside its own folder is named, so that nothing of it is left. Pure.
import { judge } from '../../../protocol/compatibility/judgement.ts';
import { isAtLeast } from '../../../protocol/compatibility/versions.ts';
import { paths } from '../../config/paths.ts';
import type { NodeFacts } from '../component.ts';

export interface ContainerdSettings {
  readonly version: string;
  readonly sandboxImage: string;
  readonly runcPath: string;
}

export interface ContainerdConfiguration {
  readonly main: string;
  readonly dropIn: string;
}

export function containerdConfiguration(
  facts: NodeFacts,
  settings: ContainerdSettings,
): ContainerdConfiguration {
  const isSecond = isAtLeast(settings.version, '2.0');
  const head = ['# Written by regnode; changed by hand it is set back.', `version = ${isSecond ? 3 : 2}`];
  const plugins = isSecond ? version3(facts, settings) : version2(facts, settings);
  return {
    main: [...head, ...places, ''].join('\n'),
    dropIn: [...head, '', ...plugins, ''].join('\n'),
  };
}

const places = [
  `imports = ["${paths.containerdDropIns}/*.toml"]`,
  '# Docker\'s package ships "cri" in this list.',
  'disabled_plugins = []',
  `root = "${paths.containerdData}"`,
  `state = "${paths.containerdRun}"`,
  '',
  '[grpc]',
  `  address = "${paths.containerdSocket}"`,
  '',
  '# /opt/containerd otherwise',
  '[plugins."io.containerd.internal.v1.opt"]',
  `  path = "${paths.containerdData}/opt"`,
];

function version2(facts: NodeFacts, settings: ContainerdSettings): string[] {
  const plugin = 'plugins."io.containerd.grpc.v1.cri"';
  return [
    `[${plugin}]`,
    `  sandbox_image = ${text(settings.sandboxImage)}`,
    ...hostSettings(facts, settings),
    `[${plugin}.registry]`,
    `  config_path = "${paths.registries}"`,
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
    `  config_path = "${paths.registries}"`,
    `[${plugin}]`,
    ...hostSettings(facts, settings),
    ...runtime(plugin, facts, settings),
  ];
}

/** What the compatibility table sets for this host, each with its reason. */
function hostSettings(facts: NodeFacts, { version }: ContainerdSettings): string[] {
  return judge('containerd', version, { host: facts }).rules.flatMap((rule) =>
    Object.entries(rule.settings ?? {})
      .filter(([name]) => name !== 'build')
      .flatMap(([name, value]) => [`  # ${rule.reason.en}`, `  ${name} = ${JSON.stringify(value)}`]),
  );
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

/** A JSON string is a TOML basic string. */
export function text(value: string): string {
  return JSON.stringify(value);
}
