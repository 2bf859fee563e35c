// The artifact store: a folder with manifest.json and the archives that it names. The manifest is read again
// when its file changes, so a new version is offered without a restart; a manifest that cannot be read is
// an error that names it, never an empty store.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Artifact, artifactSchema } from '../../protocol/desired.ts';
import { Fault } from '../../protocol/fault.ts';

export const manifestName = 'manifest.json';
export const manifestSchema = z.strictObject({ schema: z.literal(1), artifacts: z.array(artifactSchema) });
export type Manifest = z.infer<typeof manifestSchema>;

export class ArtifactStore {
  readonly directory: string;
  #loaded: { stamp: string; artifacts: readonly Artifact[] } | undefined;

  constructor(directory: string) {
    this.directory = directory;
  }

  async artifacts(): Promise<readonly Artifact[]> {
    const path = join(this.directory, manifestName);
    try {
      const { mtimeMs, size, ino } = await stat(path);
      const stamp = `${mtimeMs}:${size}:${ino}`;
      if (this.#loaded?.stamp !== stamp) {
        const { artifacts } = manifestSchema.parse(JSON.parse(await readFile(path, 'utf8')));
        this.#loaded = { stamp, artifacts };
      }
      return this.#loaded.artifacts;
    } catch (cause) {
      throw new Fault('CONFIGURATION_INVALID', { path, detail: describe(cause) }, { cause });
    }
  }
}

function describe(cause: unknown): string {
  if (cause instanceof z.ZodError) {
    const issue = cause.issues[0];
    return `${issue?.path.join('.')}: ${issue?.message}`;
  }
  return cause instanceof Error ? cause.message : String(cause);
}
