// Releases of the agent as install.sh lays them out: /opt/regnode/releases/<version>-<hash>, and the
// link `current` that everything else is reached through. A host whose files belong to a package has no
// such link, and is left alone.
import type { Artifact } from '../../../protocol/messages/desired.ts';
import { paths } from '../../config/paths.ts';
import type { Host } from '../../host/host.ts';
import { mustRun } from '../../plan/command.ts';
import { fetchArtifact, hashWrong } from '../../plan/fetch.ts';
import type { Tools } from '../../plan/kind.ts';
import { requireRoom } from '../../plan/room.ts';
import type { ArtifactSource } from '../../plan/source.ts';
import { listTree } from '../../plan/tree-manifest.ts';

const unpackTimeoutMs = 10 * 60_000;
const unpackedPerPackedByte = 4;

export const releaseOf = ({ version, sha256 }: Artifact) => `${version}-${sha256.slice(0, 12)}`;
const releasePath = (release: string) => `${paths.agentReleases}/${release}`;

/** The release in use; undefined when the agent was not installed by install.sh. */
export async function currentRelease(host: Host): Promise<string | undefined> {
  const status = await host.files.status(paths.agentCurrent);
  const [, release] = /^releases\/([A-Za-z0-9._+~-]+)$/.exec(status?.target ?? '') ?? [];
  return release;
}

/** Fetched, verified and unpacked beside the others, all of it or nothing; costs nothing when it is there. */
export async function unpackRelease(
  tools: Tools & { readonly source: ArtifactSource },
  artifact: Artifact,
): Promise<string> {
  const { host } = tools;
  const release = releaseOf(artifact);
  if ((await host.files.status(releasePath(release))) !== undefined) return release;
  const archive = `${paths.staging}/${artifact.sha256}.agent`;
  if ((await host.files.status(paths.staging)) === undefined)
    await host.files.makeDirectory(paths.staging, 0o700);
  await fetchArtifact(tools, artifact, archive);
  const staging = `${paths.agentReleases}/.staging.upgrade`;
  await host.files.removeTree(staging);
  const bytes = artifact.sizeBytes * unpackedPerPackedByte;
  await requireRoom(host, staging, bytes);
  await host.files.makeDirectory(staging, 0o755);
  const actual = await host.files.sha256(archive);
  if (actual !== artifact.sha256) throw hashWrong(artifact, actual);
  const args = ['--extract', '--gzip', '--no-same-owner', '--file', archive, '--directory', staging];
  await mustRun(host, 'tar', args, { timeoutMs: unpackTimeoutMs, fills: { path: staging, bytes } });
  for (const entry of await listTree(host, staging)) {
    if (entry.kind !== 'link') await host.files.sync(`${staging}/${entry.path}`);
  }
  await host.files.rename(staging, releasePath(release));
  await host.files.removeFile(archive);
  return release;
}

/** One rename decides; the unit file is the release's own. */
export async function useRelease(host: Host, release: string): Promise<void> {
  const wanted = await host.files.readText(`${releasePath(release)}/systemd/regnode.service`);
  const present = await host.files.readText(paths.agentUnit);
  if (wanted !== undefined && present !== undefined && wanted !== present) {
    await host.files.write(paths.agentUnit, wanted, { mode: 0o644, uid: 0, gid: 0 });
    await mustRun(host, 'systemctl', ['daemon-reload']);
  }
  await host.files.makeLink(paths.agentCurrent, `releases/${release}`);
}

/** All but the one in use and the way back. */
export async function removeOtherReleases(host: Host, kept: readonly string[]): Promise<void> {
  for (const name of (await host.files.list(paths.agentReleases)) ?? []) {
    if (!kept.includes(name)) await host.files.removeTree(releasePath(name));
  }
}
