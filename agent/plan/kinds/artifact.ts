// An archive in the content-addressed store. It is fetched into staging (going on where an earlier try
// stopped), verified as a whole, and only then renamed to its hash: nothing unverified ever has that name.
// It is there for a moment and not synced, so after a loss of power it may be empty under that name: one
// that is found is verified again.
import { z } from 'zod';
import { Fault } from '../../../protocol/catalogue/fault.ts';
import type { Artifact } from '../../../protocol/messages/desired.ts';
import { paths } from '../../config/paths.ts';
import { hasCode } from '../../host/durable.ts';
import type { Host } from '../../host/host.ts';
import { fetchArtifact } from '../fetch.ts';
import { defineKind, right, wrong } from '../kind.ts';
import { readTreeManifest } from '../tree-manifest.ts';

const entrySchema = z.strictObject({ sha256: z.string() });

export const artifactKind = defineKind<
  'artifact',
  'unpacked' | 'stored' | 'absent',
  z.infer<typeof entrySchema>
>({
  kind: 'artifact',
  identify: ({ artifact }) => `artifact:${artifact.sha256}`,
  title: ({ artifact }) => `fetch ${artifactTitle(artifact)}`,

  async observe(host, { artifact, tree }) {
    if ((await readTreeManifest(host, tree))?.artifactSha256 === artifact.sha256) return 'unpacked';
    const stored = storePath(artifact);
    const status = await host.files.status(stored);
    if (status?.kind !== 'file' || status.sizeBytes !== artifact.sizeBytes) return 'absent';
    return (await host.files.sha256(stored)) === artifact.sha256 ? 'stored' : 'absent';
  },
  compare: (_, observed) => (observed === 'absent' ? wrong('not in the store') : right),

  entrySchema,
  record: async (_, { artifact }) => ({ sha256: artifact.sha256 }),

  async apply(tools, { artifact }) {
    const { source, host } = tools;
    if (source === undefined) throw new Fault('ARTIFACT_MISSING', { ...artifact, name: artifact.component });
    for (const folder of [paths.staging, paths.artifacts]) await ensureFolder(host, folder);
    const staged = `${paths.staging}/${artifact.sha256}.part`;
    await fetchArtifact({ ...tools, source }, artifact, staged);
    await host.files.rename(staged, storePath(artifact));
  },

  async undo({ host }, [{ sha256 }]) {
    await host.files.removeFile(`${paths.staging}/${sha256}.part`);
    await host.files.removeFile(`${paths.artifacts}/${sha256}`);
    return { outcome: 'restored' };
  },
});

/**
 * Not looked for first: downloads begin side by side, and each makes the same effects
 * however fast the others are.
 */
async function ensureFolder(host: Host, path: string): Promise<void> {
  await host.files.makeDirectory(path, 0o700).catch((error: unknown) => {
    if (!hasCode(error, 'EEXIST')) throw error;
  });
}

export function storePath(artifact: Artifact): string {
  return `${paths.artifacts}/${artifact.sha256}`;
}

export function artifactTitle({ component, version, sizeBytes }: Artifact): string {
  return `${component} ${version} (${sizeText(sizeBytes)})`;
}

function sizeText(bytes: number): string {
  const mebibytes = bytes / 1024 / 1024;
  return mebibytes < 1 ? `${Math.ceil(bytes / 1024)} KiB` : `${mebibytes.toFixed(1)} MiB`;
}
