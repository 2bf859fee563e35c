// containerd's own client, which came with it, and the one question that the doctor asks by it.
import { componentLink, paths } from '../../config/paths.ts';
import type { Host } from '../../host/host.ts';

const link = componentLink('containerd');
export const ctrPrograms = [`${link}/bin/ctr`, `${link}/ctr`] as const;
/** Not `version`: at that question containerd makes an id for itself and writes it down. */
export const ctrArguments = [
  '--address',
  paths.containerdSocket,
  '--connect-timeout',
  '2s',
  'namespaces',
  'list',
  '--quiet',
] as const;

export async function ctrProgram(host: Host): Promise<string | undefined> {
  for (const program of ctrPrograms) if (await host.files.exists(program)) return program;
  return undefined;
}
