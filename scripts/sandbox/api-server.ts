// The API server of a sandbox: its arguments, and its process, which a test may kill and start again.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ControlPlaneFiles } from './control-plane.ts';
import { cloudAddress, cloudMember } from './line.ts';
import { startDaemon } from './namespaces.ts';
import { startTicks } from './registry.ts';
import { waitFor } from './wait.ts';

const serviceNetwork = '10.96.0.0/16';

const processFile = (files: ControlPlaneFiles) => join(files.folder, 'kube-apiserver.json');

export async function startApiServer(
  id: string,
  files: ControlPlaneFiles,
  programs: { readonly kubernetes: string },
): Promise<void> {
  const command = join(programs.kubernetes, 'kube-apiserver');
  const pid = await startDaemon(id, cloudMember, command, await apiServerArguments(files), {
    logFile: join(files.logs, 'kube-apiserver.log'),
    cwd: files.folder,
  });
  await writeFile(processFile(files), JSON.stringify({ pid, ticks: await startTicks(pid) }));
}

/** As a power cut ends it; waits until it is gone. */
export async function killApiServer(files: ControlPlaneFiles): Promise<void> {
  const { pid, ticks } = JSON.parse(await readFile(processFile(files), 'utf8')) as {
    readonly pid: number;
    readonly ticks: string;
  };
  const isThere = async () => (await startTicks(pid)) === ticks;
  if (await isThere()) process.kill(pid, 'SIGKILL');
  await waitFor('the API server to end', async () => !(await isThere()), {
    timeoutMs: 30_000,
    intervalMs: 50,
  });
}

async function apiServerArguments(files: ControlPlaneFiles): Promise<string[]> {
  const egress = join(files.folder, 'egress.json');
  const audit = join(files.folder, 'audit-policy.json');
  const transport = { uds: { udsName: files.egressSocket } };
  await writeFile(
    egress,
    JSON.stringify({
      apiVersion: 'apiserver.k8s.io/v1beta1',
      kind: 'EgressSelectorConfiguration',
      egressSelections: [{ name: 'cluster', connection: { proxyProtocol: 'HTTPConnect', transport } }],
    }),
  );
  await writeFile(
    audit,
    JSON.stringify({
      apiVersion: 'audit.k8s.io/v1',
      kind: 'Policy',
      omitStages: ['RequestReceived'],
      rules: [{ level: 'Metadata' }],
    }),
  );
  const pki = (name: string) => join(files.pki, name);
  return [
    '--etcd-servers=http://127.0.0.1:2379',
    '--bind-address=0.0.0.0',
    '--secure-port=6443',
    `--advertise-address=${cloudAddress}`,
    `--tls-cert-file=${pki('apiserver.crt')}`,
    `--tls-private-key-file=${pki('apiserver.key')}`,
    `--client-ca-file=${pki('ca.crt')}`,
    `--kubelet-client-certificate=${pki('apiserver-kubelet-client.crt')}`,
    `--kubelet-client-key=${pki('apiserver-kubelet-client.key')}`,
    `--kubelet-certificate-authority=${pki('ca.crt')}`,
    `--service-account-key-file=${pki('sa.pub')}`,
    `--service-account-signing-key-file=${pki('sa.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-cluster-ip-range=${serviceNetwork}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--enable-bootstrap-token-auth=true',
    '--allow-privileged=true',
    // As kubeadm has it. Without it a node's name comes first, and the API server
    // resolves it (CVE-2022-3294).
    '--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname',
    `--egress-selector-config-file=${egress}`,
    `--audit-policy-file=${audit}`,
    `--audit-log-path=${files.auditLog}`,
    '--audit-log-maxsize=200',
  ];
}
