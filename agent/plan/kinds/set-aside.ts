// A file that must not stand where it stands, like another network's configuration: its content is saved, the
// file goes, and a leave puts it back, unless somebody has put another one there since.
import { z } from 'zod';
import { defineKind, right, type Tools, wrong } from '../kind.ts';
import { originalSchema, restoreOriginal, samePlace, saveOriginal } from '../original.ts';

const entrySchema = z.strictObject({ path: z.string(), original: originalSchema });

export const setAsideKind = defineKind<'set-aside', boolean, z.infer<typeof entrySchema>>({
  kind: 'set-aside',
  identify: (resource) => `set-aside:${resource.path}`,
  title: (resource) => `move ${resource.path} away (${resource.why})`,
  observe: async (host, { path }) => (await host.files.status(path)) !== undefined,
  compare: (_, isThere) => (isThere ? wrong('it is there') : right),

  entrySchema,
  record: async (tools, { path }) => ({ path, original: await saveOriginal(tools, path) }),
  async apply({ host }, { path }) {
    await host.files.removeFile(path);
  },

  // The latest is what was there last: a file that its owner wrote again meanwhile was set aside again.
  async undo(tools: Tools, entries) {
    const { path, original } = entries.at(-1) ?? entries[0];
    if (original.kind === 'absent' || (await samePlace(tools.host, path, original)))
      return { outcome: 'unchanged' };
    if ((await tools.host.files.status(path)) !== undefined) {
      const beside = `${path}.regnode-original`;
      await restoreOriginal(tools, beside, original);
      return {
        outcome: 'kept',
        detail: `another ${path} stands there now; the one from before is ${beside}`,
      };
    }
    return restoreOriginal(tools, path, original);
  },
});
