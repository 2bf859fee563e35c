// What each hop hangs on, as short words that can be compared later: addresses, serial numbers, versions,
// hashes of configuration. Kept while a hop works, so that the doctor can say what is different when it does
// not. Never a secret, and nothing that changes by itself.

import { X509Certificate } from 'node:crypto';
import { clusterInUse } from '../components/cluster.ts';
import { paths } from '../config/paths.ts';
import type { Host } from '../host/host.ts';
import { gatewayAddresses, gatewayRoute, gatewayTarget } from '../preflight/observation/gateway.ts';
import { linkNamed } from '../preflight/observation/links.ts';
import { networkFiles } from '../preflight/observation/pod-network.ts';
import type { JoinedNode } from '../state/joined-node.ts';
import { agentVersion } from '../version.ts';
import type { HopName } from './hops.ts';
import { apiServerTarget, kubeletCertificate } from './observation/cluster.ts';

const timeoutMs = 8000;

export type Values = Readonly<Record<string, string>>;

export async function observeValues(host: Host, node: JoinedNode): Promise<Record<HopName, Values>> {
  const entries = await Promise.all(
    Object.entries(readers).map(async ([hop, read]) => [hop, await settled(read(host, node))] as const),
  );
  return Object.fromEntries(entries) as Record<HopName, Values>;
}

type Reader = (host: Host, node: JoinedNode) => Promise<Record<string, string | undefined>>;

const readers: Readonly<Record<HopName, Reader>> = {
  async host(host) {
    const [{ release }, hostname, bootId, hosts, resolver] = await Promise.all([
      host.kernel(),
      host.hostname(),
      host.files.readText('/proc/sys/kernel/random/boot_id'),
      hashOf(host, '/etc/hosts'),
      hashOf(host, '/etc/resolv.conf'),
    ]);
    return { kernel: release, hostname, boot: bootId?.trim(), hosts, resolver, regnode: agentVersion };
  },
  async line(host, { state }) {
    const gatewayUrl = state.identity.gatewayUrl;
    const target = gatewayTarget({ gatewayUrl });
    if (target === undefined) return {};
    const addresses = await gatewayAddresses(host, target).catch(() => []);
    const route = await gatewayRoute(host, { gatewayUrl }).catch(() => undefined);
    const link = route === undefined ? undefined : await linkNamed(host, route.device);
    return {
      gatewayAddresses: addresses.toSorted().join(', ') || 'none',
      device: route?.device ?? 'none',
      source: route?.source ?? 'none',
      mtu: link && String(link.mtu),
      mac: link?.macAddress,
    };
  },
  async gateway(_host, { state, identity }) {
    return {
      url: state.identity.gatewayUrl,
      certificate: identity && serialOf(identity.certificatePem),
      authority: identity && fingerprintOf(identity.caPem),
      pool: state.identity.pool,
      revision: state.desired.revision,
    };
  },
  async 'api-server'(host, node) {
    const pem = await host.files.readText(kubeletCertificate);
    return {
      url: apiServerTarget(node).url,
      authority: fingerprintOf(clusterInUse(node.state).caPem),
      kubeletCertificate: pem === undefined ? 'none' : serialOf(pem),
    };
  },
  async kubelet(host, { state }) {
    return {
      version: versionOf(state.desired.artifacts, 'kubelet'),
      configuration: await hashOf(host, paths.kubeletConfiguration),
      unit: await hashOf(host, `${paths.units}/kubelet.service`),
    };
  },
  async runtime(host, { state }) {
    return {
      version: versionOf(state.desired.artifacts, 'containerd'),
      runc: versionOf(state.desired.artifacts, 'runc'),
      configuration: await hashOf(host, paths.containerdConfiguration),
      unit: await hashOf(host, `${paths.units}/containerd.service`),
    };
  },
  async cni(host) {
    const files = await networkFiles(host);
    const hashes = await Promise.all(
      files.map(async (name) => `${name} ${await hashOf(host, `${paths.cniConfiguration}/${name}`)}`),
    );
    const plugins = ((await host.files.list(paths.cniBinaries)) ?? []).toSorted();
    return { configuration: hashes.join(', ') || 'none', plugins: plugins.join(' ') || 'none' };
  },
  async pod(_host, { state }) {
    return { sandboxImage: state.desired.containerd.sandboxImage };
  },
};

/** What can't be read now, or not in time, is left out: it is a verdict's to say so. */
async function settled(values: Promise<Record<string, string | undefined>>): Promise<Values> {
  const { promise: late, resolve } = Promise.withResolvers<Record<string, undefined>>();
  const timer = setTimeout(() => resolve({}), timeoutMs);
  const read = await Promise.race([values.catch(() => ({})), late]);
  clearTimeout(timer);
  return Object.fromEntries(
    Object.entries(read).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

async function hashOf(host: Host, path: string): Promise<string> {
  return (await host.files.sha256(path))?.slice(0, 12) ?? 'none';
}

function serialOf(pem: string): string {
  const { serialNumber, validTo } = new X509Certificate(pem);
  return `${serialNumber.toLowerCase()} until ${new Date(validTo).toISOString()}`;
}

function fingerprintOf(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(':', '').slice(0, 12).toLowerCase();
}

function versionOf(
  artifacts: JoinedNode['state']['desired']['artifacts'],
  component: string,
): string | undefined {
  return artifacts.find((artifact) => artifact.component === component)?.version;
}
