// Where containerd looks for images instead of the registry that an image names, and which roots it
// trusts there: one folder a registry below certs.d, read anew for every pull, so nothing restarts. The
// registry itself comes last. Pure.
import { type TomlTable, toml } from '../../../protocol/formats/toml.ts';
import type { Registry } from '../../../protocol/settings/host.ts';
import { paths } from '../../config/paths.ts';
import type { Resource } from '../../plan/resource.ts';
import { containerdNote } from './configuration.ts';

export function registryFiles(registries: readonly Registry[]): Resource[] {
  return registries.flatMap((registry) => {
    // containerd's own name for "all others".
    const folder = `${paths.registries}/${registry.host === '*' ? '_default' : registry.host}`;
    const { caPem } = registry;
    const authority = caPem === undefined ? undefined : `${folder}/regnode-ca.crt`;
    const file = (path: string, content: string): Resource => ({ kind: 'file', path, mode: 0o644, content });
    return [
      ...(caPem === undefined || authority === undefined
        ? []
        : [file(authority, `# ${containerdNote}\n${endingLine(caPem)}`)]),
      file(`${folder}/hosts.toml`, hostsFile(registry.mirrors, authority)),
    ];
  });
}

/**
 * Without `server`: the registry that the image names. The mirrors' order in the file is
 * that in which they are asked.
 */
function hostsFile(mirrors: readonly string[], authority: string | undefined): string {
  const trust: TomlTable = authority === undefined ? {} : { ca: authority };
  return toml([
    { comments: [containerdNote], table: trust },
    ...[...new Set(mirrors)].map((url) => ({
      table: { host: { [url]: { capabilities: ['pull', 'resolve'], ...trust } } },
    })),
  ]);
}

function endingLine(content: string): string {
  return content.endsWith('\n') ? content : `${content}\n`;
}
