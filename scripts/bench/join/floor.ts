// Prepares a host for floor.sh, which none of the time counts: the archives of the gateway's store beside
// it, and the configuration that a join wrote on a host of the same kind, with this host's name and address.
// The kubelet bootstraps its certificate here too, with a token of its own; the cluster's own approver says
// yes, as kubeadm sets it up.
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ManifestEntry, manifestName, manifestSchema } from '../../../protocol/messages/manifest.ts';
import { run } from '../../machine/command.ts';
import type { SandboxHost } from '../../sandbox/host.ts';
import { kubectl } from '../../sandbox/registration.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';

const folder = '/var/tmp/floor';
const bootstrapFile = 'etc/kubernetes/bootstrap-kubelet.conf';
const unitFile = 'etc/systemd/system/kubelet.service';
const group = 'system:bootstrappers:floor';
/** Of what a join wrote: all that containerd and kubelet read. */
const configurationPaths = [
  'etc/containerd',
  'etc/systemd/system/containerd.service',
  'etc/sysctl.d/90-regnode.conf',
  'etc/kubernetes/pki/ca.crt',
  'etc/kubernetes/kubelet-access.conf',
  'etc/kubernetes/kubelet.conf.d',
  'var/lib/kubelet/config.yaml',
  bootstrapFile,
  unitFile,
];

/** What every floor needs, taken once from a joined host. */
export interface FloorKit {
  readonly configuration: string;
  readonly token: string;
  readonly joined: Pick<SandboxHost, 'name' | 'address'>;
}

export async function makeFloorKit(sandbox: Sandbox, joined: SandboxHost): Promise<FloorKit> {
  const configuration = join(sandbox.dataFolder, 'floor-configuration.tar');
  const packed = '/var/tmp/configuration.tar';
  await mustRun(joined, 'tar', ['--create', '--file', packed, '--directory', '/', ...configurationPaths]);
  await copyFile(joined.path(packed), configuration);
  return { configuration, token: await allowFloors(sandbox), joined };
}

export async function prepareFloor(sandbox: Sandbox, host: SandboxHost, kit: FloorKit): Promise<void> {
  const place = (path: string) => host.path(join(folder, path));
  for (const name of ['store', 'configuration']) await mkdir(place(name), { recursive: true });
  await run('tar', ['--extract', '--file', kit.configuration, '--directory', place('configuration')]);
  await edit(place(join('configuration', unitFile)), (text) =>
    text.replaceAll(kit.joined.address, host.address).replaceAll(`=${kit.joined.name} `, `=${host.name} `),
  );
  await edit(place(join('configuration', bootstrapFile)), (text) =>
    text.replace(/token: .*/, `token: ${kit.token}`),
  );
  const lines: string[] = [];
  // The largest first, so that no processor is idle at the end.
  for (const artifact of (await artifactsOf(sandbox)).toSorted(
    (one, other) => other.sizeBytes - one.sizeBytes,
  )) {
    const { component, version, sha256 } = artifact;
    const file = artifact.path.slice(artifact.path.lastIndexOf('/') + 1);
    await copyFile(join(sandbox.cloud.artifactStore, file), place(join('store', file)));
    const home = `/opt/regnode/components/${component}`;
    const link = ['images', 'agent'].includes(component) ? '-' : `${home}/current`;
    lines.push(`${sha256} ${file} ${home}/${version} ${link}`);
  }
  await writeFile(place('archives'), `${lines.join('\n')}\n`);
  await copyFile(join(import.meta.dirname, 'floor.sh'), place('floor.sh'));
}

/** Each mark that floor.sh made, in ms since its first. */
export async function runFloor(host: SandboxHost): Promise<Map<string, number>> {
  const { stdout } = await mustRun(host, 'sh', ['-c', `cd ${folder} && exec bash floor.sh`]);
  const marks = [...stdout.matchAll(/^mark (\S+) (\S+)$/gm)];
  const beganMs = Number(marks[0]?.[2]) * 1000;
  return new Map(marks.map(([, name = '', at]) => [name, Number(at) * 1000 - beganMs]));
}

/** Of the archives that are copied, verified and unpacked. */
export async function storeBytes(sandbox: Sandbox): Promise<number> {
  return (await artifactsOf(sandbox)).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

async function artifactsOf({ cloud }: Sandbox): Promise<readonly ManifestEntry[]> {
  const text = await readFile(join(cloud.artifactStore, manifestName), 'utf8');
  return manifestSchema.parse(JSON.parse(text)).artifacts;
}

/** A bootstrap token, and the cluster's own approval of what it asks for. Returns the token. */
async function allowFloors(sandbox: Sandbox): Promise<string> {
  const id = randomBytes(3).toString('hex');
  const secret = randomBytes(8).toString('hex');
  const stringData = {
    'token-id': id,
    'token-secret': secret,
    'usage-bootstrap-authentication': 'true',
    'auth-extra-groups': group,
  };
  const metadata = { name: `bootstrap-token-${id}`, namespace: 'kube-system' };
  const objects = [
    { apiVersion: 'v1', kind: 'Secret', type: 'bootstrap.kubernetes.io/token', metadata, stringData },
    binding('floor-bootstrap', 'system:node-bootstrapper'),
    binding('floor-approve', 'system:certificates.k8s.io:certificatesigningrequests:nodeclient'),
  ];
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  await kubectl(sandbox, ['apply', '-f', '-'], JSON.stringify(list));
  return `${id}.${secret}`;
}

function binding(name: string, role: string): object {
  const apiGroup = 'rbac.authorization.k8s.io';
  return {
    apiVersion: `${apiGroup}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup, kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup, kind: 'Group', name: group }],
  };
}

async function edit(file: string, change: (text: string) => string): Promise<void> {
  const before = await readFile(file, 'utf8');
  const after = change(before);
  if (after === before) throw new Error(`${file} is not what the floor expects`);
  await writeFile(file, after);
}

async function mustRun(host: SandboxHost, command: string, args: readonly string[]) {
  const result = await host.run(command, args, { timeoutMs: 120_000 });
  if (result.exitCode !== 0) throw new Error(`${command} on ${host.name}: ${result.stderr || result.stdout}`);
  return result;
}
