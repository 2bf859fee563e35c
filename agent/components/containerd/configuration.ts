// containerd's configuration by its version: 1.6 and 1.7 read version 2, 2.x reads version 3, where the CRI
// plugin was cut in two. The main file says where things are and imports the drop-ins; the plugins stand in a
// drop-in of our own. containerd replaces a plugin's whole section by that of a later file: an operator's
// 10-….toml can't take ours away by accident, a 99-….toml can on purpose. Everything that containerd would
// put outside its own folder is named, so that nothing of it is left. Pure.
import { judge } from '../../../protocol/compatibility/judgement.ts';
import { isAtLeast } from '../../../protocol/compatibility/versions.ts';
import { type TomlSection, type TomlTable, toml } from '../../../protocol/formats/toml.ts';
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
  const version = isSecond ? 3 : 2;
  const plugins = isSecond ? version3(facts, settings) : version2(facts, settings);
  return {
    main: toml([{ comments: [containerdNote], table: { version, ...places } }, optPlace]),
    dropIn: toml([{ comments: [containerdNote], table: { version } }, ...plugins]),
  };
}

export const containerdNote = 'Written by regnode; changed by hand it is set back.';

const places: TomlTable = {
  imports: [`${paths.containerdDropIns}/*.toml`],
  // Docker's package ships "cri" in this list.
  disabled_plugins: [],
  root: paths.containerdData,
  state: paths.containerdRun,
  grpc: { address: paths.containerdSocket },
};

const optPlace = plugin(
  'io.containerd.internal.v1.opt',
  { path: `${paths.containerdData}/opt` },
  '/opt/containerd otherwise',
);

function version2(facts: NodeFacts, settings: ContainerdSettings): TomlSection[] {
  const host = hostSettings(facts, settings);
  return [
    plugin(
      'io.containerd.grpc.v1.cri',
      {
        sandbox_image: settings.sandboxImage,
        ...host.table,
        registry: { config_path: paths.registries },
        containerd: runtime(facts, settings),
      },
      ...host.reasons,
      cgroupReason(facts),
    ),
  ];
}

function version3(facts: NodeFacts, settings: ContainerdSettings): TomlSection[] {
  const host = hostSettings(facts, settings);
  return [
    plugin('io.containerd.cri.v1.images', {
      pinned_images: { sandbox: settings.sandboxImage },
      registry: { config_path: paths.registries },
    }),
    plugin(
      'io.containerd.cri.v1.runtime',
      { ...host.table, containerd: runtime(facts, settings) },
      ...host.reasons,
      cgroupReason(facts),
    ),
  ];
}

/** What the compatibility table sets for this host, each with its reason. */
function hostSettings(facts: NodeFacts, { version }: ContainerdSettings) {
  const entries = judge('containerd', version, { host: facts }).rules.flatMap((rule) =>
    Object.entries(rule.settings ?? {})
      .filter(([name]) => name !== 'build')
      .map(([name, value]) => ({ name, value, reason: `${name}: ${rule.reason.en}` })),
  );
  return {
    table: Object.fromEntries(entries.map(({ name, value }) => [name, value])),
    reasons: entries.map(({ reason }) => reason),
  };
}

function runtime(facts: NodeFacts, { runcPath }: ContainerdSettings): TomlTable {
  const options = { BinaryName: runcPath, SystemdCgroup: facts.cgroupDriver === 'systemd' };
  return {
    default_runtime_name: 'runc',
    runtimes: { runc: { runtime_type: 'io.containerd.runc.v2', options } },
  };
}

const cgroupReason = ({ cgroupDriverReason }: NodeFacts) => `SystemdCgroup: ${cgroupDriverReason}`;

function plugin(name: string, table: TomlTable, ...comments: readonly string[]): TomlSection {
  return { comments, table: { plugins: { [name]: table } } };
}
