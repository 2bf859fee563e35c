// What the host says of itself in a join. Facts are shown and stored; nothing is authorised by them, but
// the gateway compares the machine-id to tell a re-join from a second machine under the same name.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { type HostFacts, nodeNamePattern } from '../../protocol/messages/join.ts';
import type { Host } from '../host/host.ts';
import { observeTraits } from '../host/traits.ts';
import { agentVersion } from '../version.ts';
import { addressToward } from './address.ts';
import { readHardware } from './machine.ts';

/** `gatewayUrl` decides which address comes first: the source address of the route to it. */
export async function gatherFacts(host: Host, gatewayUrl: string): Promise<HostFacts> {
  const release = await osRelease(host);
  const kernel = await host.kernel();
  const hardware = await readHardware(host);
  const { cgroupVersion, glibc, systemd } = await observeTraits(host);
  const uuid = (await host.files.readText('/sys/class/dmi/id/product_uuid'))?.trim();
  return {
    machineId: await machineId(host),
    ...(uuid === undefined || uuid === '' ? {} : { productUuid: uuid.slice(0, 64) }),
    ...(hardware && { hardware }),
    hostname: await host.hostname(),
    os: {
      id: (release.ID ?? 'unknown').slice(0, 64),
      versionId: (release.VERSION_ID ?? '').slice(0, 64),
      prettyName: (release.PRETTY_NAME ?? release.NAME ?? 'unknown').slice(0, 128),
    },
    kernelRelease: kernel.release,
    ...(cgroupVersion === undefined ? {} : { cgroupVersion }),
    ...(glibc === undefined ? {} : { glibc: glibc.slice(0, 32) }),
    ...(systemd === undefined ? {} : { systemd: systemd.slice(0, 32) }),
    architecture: architecture(kernel.machine),
    addresses: await addresses(host, gatewayUrl),
    agentVersion,
  };
}

/** The name that the node gets without --name: the host's own, in lower case. */
export async function defaultNodeName(host: Host): Promise<string> {
  return (await host.hostname()).toLowerCase();
}

export function requireNodeName(name: string): string {
  if (!nodeNamePattern.test(name)) throw new Fault('NODE_NAME_INVALID', { name });
  return name;
}

async function machineId(host: Host): Promise<string> {
  const path = '/etc/machine-id';
  const id = (await host.files.readText(path))?.trim() ?? '';
  if (!/^[0-9a-f]{32}$/.test(id)) {
    throw new Fault('CONFIGURATION_INVALID', { path, detail: 'there is no valid machine-id' });
  }
  return id;
}

async function osRelease(host: Host): Promise<Record<string, string>> {
  const text = (await host.files.readText('/etc/os-release')) ?? '';
  const fields = text.matchAll(/^([A-Z_]+)=(?:"([^"\n]*)"|'([^'\n]*)'|([^\n]*))$/gm);
  return Object.fromEntries([...fields].map((field) => [field[1], field[2] ?? field[3] ?? field[4] ?? '']));
}

function architecture(machine: string): 'amd64' | 'arm64' {
  if (machine === 'x86_64') return 'amd64';
  if (machine === 'aarch64') return 'arm64';
  throw new Fault('CONFIGURATION_INVALID', { path: 'uname -m', detail: `${machine} is not supported` });
}

async function addresses(host: Host, gatewayUrl: string): Promise<string[]> {
  const toward = await addressToward(host, gatewayUrl);
  if (toward === undefined) {
    throw new Fault('GATEWAY_UNREACHABLE', { url: gatewayUrl, detail: 'there is no route to it' });
  }
  const others = (await host.network.interfaces())
    .filter((link) => link.name !== 'lo')
    .flatMap((link) => link.addresses)
    .map((address) => address.replace(/\/\d+$/, ''))
    .filter((address) => address !== toward && !address.startsWith('fe80:'));
  return [toward, ...others].slice(0, 16);
}
