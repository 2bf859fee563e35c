// The configuration of the pods' network, as containerd's CNI library finds it.
import { z } from 'zod';
import { paths } from '../../config/paths.ts';
import type { Host } from '../../host/host.ts';

const pluginSchema = z.object({ type: z.string().regex(/^[A-Za-z0-9._-]+$/) });
const listSchema = z.object({ plugins: z.array(pluginSchema).min(1) });

/** Names in the order in which they count. */
export async function networkFiles(host: Host): Promise<readonly string[]> {
  const names = (await host.files.list(paths.cniConfiguration)) ?? [];
  return names.filter((name) => /\.(conf|conflist|json)$/.test(name)).toSorted();
}

/** The programs that a configuration names; undefined when it is none. */
export function pluginsOf(text: string): readonly string[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const list = listSchema.safeParse(value);
  if (list.success) return list.data.plugins.map(({ type }) => type);
  const single = pluginSchema.safeParse(value);
  return single.success ? [single.data.type] : undefined;
}
