// A file that a program of ours writes by itself, like the kubelet its kubeconfig. There is nothing to make;
// the entry says what stood there before, so that a leave takes it away or puts the old one back.
import { z } from 'zod';
import { defineKind, right, wrong } from '../kind.ts';
import { originalSchema, restoreOriginal, samePlace, saveOriginal, takeAway } from '../original.ts';

const entrySchema = z.strictObject({ path: z.string(), original: originalSchema });

export const claimKind = defineKind({
  kind: 'claim',
  identify: (resource) => `claim:${resource.path}`,
  title: (resource) => `expect ${resource.path} from ${resource.by}`,
  observe: async () => undefined,
  compare: (resource, _, journaled) => (journaled ? right : wrong(`${resource.by} will write it`)),

  entrySchema,
  record: async (tools, { path }) => ({ path, original: await saveOriginal(tools, path) }),
  apply: async () => undefined,

  async undo(tools, [{ path, original }]) {
    if (await samePlace(tools.host, path, original)) return { outcome: 'unchanged' };
    const status = await tools.host.files.status(path);
    if (status !== undefined && status.kind !== 'file' && status.kind !== 'link') {
      return { outcome: 'kept', detail: `a ${status.kind} stands at ${path} now` };
    }
    return original.kind === 'absent' ? takeAway(tools.host, path) : restoreOriginal(tools, path, original);
  },
});
