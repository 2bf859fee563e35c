// What is ours on a host where the journal and both its copies are lost: text files by the line that they
// begin with, links by where they lead, folders by their marks. What carries nothing of it is somebody else's
// and is not touched, whatever its name. What was there before us is known of folders only; the rest is told.
import { parseConfiguration } from '../config/configuration.ts';
import { paths } from '../config/paths.ts';
import type { Host } from '../host/host.ts';
import { hashOf } from './backups.ts';
import type { Change } from './journal.ts';
import { readMarks } from './marks.ts';

const header = /^# Written by regnode\b/;
const fileLimitBytes = 1024 * 1024;

export interface Recognised {
  /** As a join on a host without any of it would have noted them, in the order of making. */
  readonly changes: readonly Change[];
  /** What nothing on the host tells any more, a line each. */
  readonly unknown: readonly string[];
}

/** Enough to say that a join of ours was never undone: a leave takes all of this away. */
export async function isRecognised(host: Host): Promise<boolean> {
  return (await readMarks(host)).length > 0 || (await unitsOfOurs(host)).some(({ isLinked }) => isLinked);
}

export async function recognise(host: Host): Promise<Recognised> {
  const units = await unitsOfOurs(host);
  const found = await Promise.all([
    readMarks(host),
    filesOfOurs(host),
    ...units.map(({ path }) => fileChange(host, path)),
    linksOfOurs(host, units),
  ]);
  const running: Change[] = units.map(({ name }) => ({
    key: `unit:${name}`,
    kind: 'unit',
    entry: { name, wasActive: false },
  }));
  const changes = [...found.flat(), ...running];
  const unknown = [
    'kernel parameters, modules, and what pods left of links, network namespaces and packet filter rules: until the next boot, for what was there before the join is lost',
    'files that the join replaced or set aside: what they held is lost',
  ];
  return { changes, unknown };
}

interface OwnUnit {
  readonly name: string;
  readonly path: string;
  readonly isLinked: boolean;
}

/** A unit file that begins as ours; linked: it starts at boot. */
async function unitsOfOurs(host: Host): Promise<OwnUnit[]> {
  const units: OwnUnit[] = [];
  for (const name of (await host.files.list(paths.units)) ?? []) {
    const path = `${paths.units}/${name}`;
    if (!/\.(service|mount|timer)$/.test(name) || !(await carriesHeader(host, path))) continue;
    const link = await host.files.status(`${paths.unitWants}/${name}`);
    units.push({ name, path, isLinked: link?.target === path });
  }
  return units;
}

async function filesOfOurs(host: Host): Promise<Change[]> {
  const candidates = [
    paths.modulesFile,
    paths.sysctlFile,
    paths.ciliumModulesFile,
    paths.ciliumSysctlFile,
    ...(await registryFiles(host)),
    paths.containerdDropIn,
    paths.containerdConfiguration,
    paths.clusterAuthority,
    paths.kubeletConfiguration,
    paths.kubeletBootstrap,
    paths.kubeletAccess,
    ...(await dropInsOfAgent(host)),
  ];
  const changes: Change[] = [];
  for (const path of candidates) {
    if (await carriesHeader(host, path)) changes.push(...(await fileChange(host, path)));
  }
  if (await isKubeletsOwn(host)) changes.push(...(await fileChange(host, paths.kubeletKubeconfig)));
  if (await isConfiguration(host)) changes.push(...(await fileChange(host, paths.configuration)));
  if (await carriesHeader(host, paths.ciliumSysctlFile)) changes.push(...ciliumsOwn);
  return changes;
}

/** Cilium writes them anew at each of its starts: whatever stood there before is gone. */
const ciliumsOwn: readonly Change[] = [
  `${paths.cniBinaries}/cilium-cni`,
  `${paths.cniConfiguration}/05-cilium.conflist`,
].map((path) => ({ key: `claim:${path}`, kind: 'claim', entry: { path, original: { kind: 'absent' } } }));

async function registryFiles(host: Host): Promise<string[]> {
  const folders = (await host.files.list(paths.registries)) ?? [];
  return folders.flatMap((name) =>
    ['regnode-ca.crt', 'hosts.toml'].map((file) => `${paths.registries}/${name}/${file}`),
  );
}

async function dropInsOfAgent(host: Host): Promise<string[]> {
  const folder = `${paths.units}/regnode.service.d`;
  return ((await host.files.list(folder)) ?? []).map((name) => `${folder}/${name}`);
}

/**
 * The kubelet writes its kubeconfig over the copy of ours, without the line: its certificate's place tells.
 */
async function isKubeletsOwn(host: Host): Promise<boolean> {
  if (!(await carriesHeader(host, paths.kubeletAccess))) return false;
  const text = await textOf(host, paths.kubeletKubeconfig);
  return text?.includes(`${paths.kubeletData}/pki/kubelet-client-current.pem`) ?? false;
}

/** JSON has no comments; its name and its keys are only ours. */
async function isConfiguration(host: Host): Promise<boolean> {
  try {
    parseConfiguration((await textOf(host, paths.configuration)) ?? '', paths.configuration);
    return true;
  } catch {
    return false;
  }
}

async function linksOfOurs(host: Host, units: readonly OwnUnit[]): Promise<Change[]> {
  const ofUnits = units.map(({ path }) => path);
  const isOurs = (folder: string, name: string, target: string) =>
    folder === paths.cniBinaries
      ? target.startsWith(`${paths.components}/`)
      : ofUnits.includes(target) || (name === 'regnode.service' && target.endsWith('/regnode.service'));
  const changes: Change[] = [];
  for (const folder of [paths.unitWants, `${paths.units}/timers.target.wants`, paths.cniBinaries]) {
    for (const name of (await host.files.list(folder)) ?? []) {
      const path = `${folder}/${name}`;
      const { kind, target = '' } = (await host.files.status(path)) ?? {};
      if (kind !== 'link' || !isOurs(folder, name, target)) continue;
      const entry = { path, target, original: { kind: 'absent' } };
      changes.push({ key: `link:${path}`, kind: 'link', entry });
    }
  }
  return changes;
}

/** By the hash of what is there now: what changes until it is undone is somebody else's again. */
async function fileChange(host: Host, path: string): Promise<Change[]> {
  const text = await textOf(host, path);
  if (text === undefined) return [];
  const entry = { path, writtenSha256: hashOf(text), original: { kind: 'absent' } };
  return [{ key: `file:${path}`, kind: 'file', entry }];
}

async function carriesHeader(host: Host, path: string): Promise<boolean> {
  return header.test((await textOf(host, path)) ?? '');
}

/** undefined for what is no file of a reasonable size. */
async function textOf(host: Host, path: string): Promise<string | undefined> {
  const status = await host.files.status(path);
  if (status?.kind !== 'file' || status.sizeBytes > fileLimitBytes) return undefined;
  return host.files.readText(path);
}
