// A kernel parameter. One that this kernel does not have, or does not let us write,
// is skipped with the reason.
import { z } from 'zod';
import { hasCode } from '../../host/durable.ts';
import { defineKind, right, skipped, wrong } from '../kind.ts';

const entrySchema = z.strictObject({ name: z.string(), value: z.string(), original: z.string() });

export const sysctlKind = defineKind<'sysctl', string | undefined, z.infer<typeof entrySchema>>({
  kind: 'sysctl',
  identify: (resource) => `sysctl:${resource.name}`,
  title: (resource) => `set ${resource.name} = ${resource.value}`,
  observe: (host, resource) => host.sysctl(resource.name),

  compare(resource, value) {
    if (value === undefined) return skipped('this kernel has no such parameter');
    if (value === resource.value) return right;
    if (resource.atLeast && Number(value) >= Number(resource.value)) return right;
    return wrong(`is ${value}`);
  },

  entrySchema,
  record: async (_, { name, value }, now, first) => {
    return { name, value, original: first?.original ?? now ?? '' };
  },
  async apply({ host }, resource) {
    await host.setSysctl(resource.name, resource.value);
  },

  async undo({ host }, entries) {
    const [{ name, original }] = entries;
    const value = await host.sysctl(name);
    if (value === undefined || value === original) return { outcome: 'unchanged' };
    if (!entries.some((entry) => entry.value === value)) {
      return { outcome: 'kept', detail: `${name} was changed to ${value} since` };
    }
    try {
      await host.setSysctl(name, original);
    } catch (error) {
      if (!hasCode(error, 'EINVAL', 'EPERM', 'EACCES', 'EROFS')) throw error;
      return { outcome: 'kept', detail: `${name} cannot be set back to ${original}` };
    }
    return { outcome: 'restored' };
  },
});
