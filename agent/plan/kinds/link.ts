// A symbolic link with exactly this target, flipped atomically.
import { z } from 'zod';
import { temporaryPath } from '../../host/durable.ts';
import { defineKind, right, wrong } from '../kind.ts';
import { originalSchema, restoreOriginal, samePlace, saveOriginal, takeAway } from '../original.ts';

const entrySchema = z.strictObject({ path: z.string(), target: z.string(), original: originalSchema });

export const linkKind = defineKind({
  kind: 'link',
  identify: (resource) => `link:${resource.path}`,
  title: (resource) => `link ${resource.path} → ${resource.target}`,
  observe: (host, resource) => host.files.status(resource.path),

  compare(resource, status) {
    if (status === undefined) return wrong('absent');
    if (status.kind !== 'link') return wrong(`a ${status.kind} stands there`);
    return status.target === resource.target ? right : wrong(`points to ${status.target}`);
  },

  entrySchema,
  async record(tools, { path, target }, _, first) {
    return { path, target, original: first?.original ?? (await saveOriginal(tools, path)) };
  },
  async apply({ host }, resource) {
    await host.files.makeLink(resource.path, resource.target);
  },

  async undo(tools, entries) {
    const [{ path, original }] = entries;
    await tools.host.files.removeFile(temporaryPath(path));
    if (await samePlace(tools.host, path, original)) return { outcome: 'unchanged' };
    const status = await tools.host.files.status(path);
    const ours =
      status === undefined ||
      (status.kind === 'link' && entries.some((entry) => entry.target === status.target));
    if (!ours) return { outcome: 'kept', detail: `${path} was changed since` };
    return original.kind === 'absent' ? takeAway(tools.host, path) : restoreOriginal(tools, path, original);
  },
});
