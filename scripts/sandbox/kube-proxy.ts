// kube-proxy on a host: a cluster with an external network provides it (services' addresses and node ports),
// so the sandbox puts it there after a join, outside of what regnode installs and takes back.
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SandboxCloud } from './cloud.ts';
import type { SandboxHost } from './host.ts';
import { waitFor } from './wait.ts';

const folder = '/usr/local/lib/sandbox-kube-proxy';
const unitPath = '/run/systemd/system/kube-proxy.service';

export async function startKubeProxy(host: SandboxHost, cloud: SandboxCloud): Promise<void> {
  await mkdir(host.path(folder), { recursive: true });
  await copyFile(join(cloud.kubernetes, 'kube-proxy'), host.path(join(folder, 'kube-proxy')));
  await copyFile(join(cloud.files.pki, 'kube-proxy.conf'), host.path(join(folder, 'kubeconfig')));
  await writeFile(host.path(join(folder, 'config.json')), JSON.stringify(configuration(host), undefined, 2));
  const unit = `[Unit]
Description=kube-proxy (provided by the cluster)
[Service]
ExecStart=${folder}/kube-proxy --config=${folder}/config.json
Restart=always
RestartSec=2
`;
  const start = `mkdir -p /run/systemd/system && cat >${unitPath} && systemctl daemon-reload && systemctl start kube-proxy`;
  const started = await host.run('sh', ['-c', start], { input: unit });
  if (started.exitCode !== 0) throw new Error(`starting kube-proxy on ${host.name}: ${started.stderr}`);
  await waitFor(`kube-proxy on ${host.name}`, () => isHealthy(host), {
    timeoutMs: 60_000,
    intervalMs: 250,
    detail: () => host.logs('kube-proxy'),
  });
}

function configuration(host: SandboxHost) {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    hostnameOverride: host.name,
    clusterCIDR: '10.244.0.0/16',
    clientConnection: { kubeconfig: `${folder}/kubeconfig` },
    // The connection table belongs to the whole machine, and a namespace may not set its size.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
}

async function isHealthy(host: SandboxHost): Promise<boolean> {
  const asked = await host.run('curl', ['-sf', '--max-time', '2', 'http://127.0.0.1:10256/healthz']);
  return asked.exitCode === 0;
}
