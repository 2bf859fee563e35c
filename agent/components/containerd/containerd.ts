// containerd of our own: program, configuration, unit, data folder. Its socket is the
// usual one, so tools find it.
import { isAtLeast } from '../../../protocol/compatibility/versions.ts';
import { assignment, command, line, type UnitSection, words } from '../../../protocol/formats/systemd.ts';
import { paths } from '../../config/paths.ts';
import type { Component, NodeFacts } from '../component.ts';
import { artifactOf, inUse, ownFolder, programPath } from '../trees.ts';
import { runningUnit } from '../unit-file.ts';
import { containerdConfiguration } from './configuration.ts';
import { registryFiles } from './registries.ts';

export const containerdComponent: Component = {
  name: 'containerd',
  plan(facts, { desired }) {
    const artifact = artifactOf(desired, 'containerd');
    const runc = programPath(facts, artifactOf(desired, 'runc'), 'runc');
    const program = programPath(facts, artifact, 'containerd');
    const { main, dropIn } = containerdConfiguration(facts, {
      version: artifact.version,
      sandboxImage: desired.containerd.sandboxImage,
      runcPath: runc,
    });
    return [
      inUse(artifact),
      ownFolder(paths.containerdData, 0o711),
      ownFolder(paths.containerdRun, 0o711),
      // From 2.0 on it listens there for plugins, and leaves the socket behind.
      ...(isAtLeast(artifact.version, '2.0') ? [ownFolder(paths.nriRun)] : []),
      ...registryFiles(desired.containerd.registries ?? []),
      { kind: 'file', path: paths.containerdDropIn, mode: 0o644, content: dropIn },
      { kind: 'file', path: paths.containerdConfiguration, mode: 0o644, content: main },
      ...runningUnit({
        name: 'containerd.service',
        unit: [
          ['Description', line('containerd (regnode)')],
          ['After', words('network.target', 'local-fs.target')],
        ],
        service: service(facts, program),
        inputs: [main, dropIn, artifact.sha256],
      }),
    ];
  },
};

function service({ canLowerOomScore }: NodeFacts, program: string): UnitSection {
  const folder = program.slice(0, program.lastIndexOf('/'));
  const search = [folder, '/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  const oomScore: UnitSection = canLowerOomScore ? [['OOMScoreAdjust', words('-999')]] : [];
  return [
    ['Type', words('notify')],
    ['ExecStart', command(program, '--config', paths.containerdConfiguration)],
    // The shim is looked up there; the version that runs is the version that starts.
    ['Environment', assignment('PATH', search.join(':'))],
    ['Restart', words('always')],
    ['RestartSec', words('2')],
    // Its containers outlive it: it is its own cgroup's master, and only the daemon itself is stopped.
    ['Delegate', words('yes')],
    ['KillMode', words('process')],
    ['LimitNPROC', words('infinity')],
    ['LimitCORE', words('infinity')],
    ['LimitNOFILE', words('1048576')],
    ['TasksMax', words('infinity')],
    ...oomScore,
  ];
}
