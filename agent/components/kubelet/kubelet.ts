// The kubelet: program, configuration, the way to its cluster, unit. It makes its own certificates
// by TLS bootstrap and writes a kubeconfig then, which is claimed, so that a leave takes it away.
// What it writes there lacks the API server's name (tls-server-name) and never changes again, so
// each start begins with ours.

import { assignment, command, line, type UnitSection, words } from '../../../protocol/formats/systemd.ts';
import { yaml } from '../../../protocol/formats/yaml.ts';
import type { DesiredState } from '../../../protocol/messages/desired.ts';
import { paths } from '../../config/paths.ts';
import type { Component } from '../component.ts';
import { artifactOf, inUse, ownFolder, programPath } from '../trees.ts';
import { runningUnit } from '../unit-file.ts';
import { kubeletConfiguration } from './configuration.ts';
import { kubeletFlags } from './flags.ts';
import { accessKubeconfig, bootstrapKubeconfig } from './kubeconfig.ts';

const note = '# Written by regnode; changed by hand it is set back.\n';

export const kubeletComponent: Component = {
  name: 'kubelet',
  plan(facts, { desired, identity }) {
    const artifact = artifactOf(desired, 'kubelet');
    const program = programPath(facts, artifact, 'kubelet');
    const configuration = note + yaml(kubeletConfiguration(facts, desired, artifact.version));
    // Labels and taints matter to the first registration; afterwards the gateway keeps them on the Node, and
    // a restart for one of them would cut everybody's logs and exec.
    const settled = { ...desired, labels: {}, taints: [] };
    const lasting = yaml(kubeletConfiguration(facts, settled, artifact.version));
    const bootstrap = note + yaml(bootstrapKubeconfig(identity, desired.apiServerAccess));
    const access = note + yaml(accessKubeconfig(identity, desired.apiServerAccess));
    const start = (from: DesiredState) => service(program, kubeletFlags(from, identity, artifact.version));
    return [
      inUse(artifact),
      ownFolder(paths.kubeletData, 0o750),
      ownFolder(paths.podLogs),
      ownFolder(paths.containerLogs),
      // For an operator's own; a kubelet that is told of it (flags.ts) doesn't start without it.
      { kind: 'directory', path: paths.kubeletDropIns, mode: 0o755, content: 'shared' },
      { kind: 'file', path: paths.clusterAuthority, mode: 0o644, content: note + identity.bootstrap.caPem },
      { kind: 'file', path: paths.kubeletConfiguration, mode: 0o600, content: configuration },
      { kind: 'file', path: paths.kubeletBootstrap, mode: 0o600, content: bootstrap, secret: true },
      { kind: 'file', path: paths.kubeletAccess, mode: 0o600, content: access },
      { kind: 'claim', path: paths.kubeletKubeconfig, by: 'the kubelet' },
      ...runningUnit({
        name: 'kubelet.service',
        unit: [
          ['Description', line('kubelet (regnode)')],
          ['Wants', words('network-online.target', 'containerd.service')],
          ['After', words('network-online.target', 'containerd.service')],
          // Tries for ever: the cluster may be away for longer than systemd's patience.
          ['StartLimitIntervalSec', words('0')],
        ],
        service: start(desired),
        lasting: start(settled),
        inputs: [lasting, access, identity.bootstrap.caPem, artifact.sha256],
      }),
    ];
  },
};

function service(program: string, flags: readonly string[]): UnitSection {
  return [
    // Without its certificate yet, the kubelet finds it useless and bootstraps.
    ['ExecStartPre', command('/bin/cp', '-p', paths.kubeletAccess, paths.kubeletKubeconfig)],
    ['ExecStart', command(program, ...flags)],
    // Up to 1.26 the kubelet asks Amazon's metadata service for credentials, for seconds where there is none.
    ['Environment', assignment('AWS_EC2_METADATA_DISABLED', 'true')],
    ['Restart', words('always')],
    ['RestartSec', words('2')],
    ['StartLimitInterval', words('0')], // systemd 219 has it here
    ['KillMode', words('process')],
    ['CPUAccounting', words('true')],
    ['MemoryAccounting', words('true')],
  ];
}
