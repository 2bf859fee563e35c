// Where containerd looks for images instead of the registry that an image names, and which roots it trusts there: one folder a
// registry below certs.d, read anew for every pull, so nothing restarts. The registry itself comes last. Pure.
import type { Registry } from '../../../protocol/node-settings.ts';
import { paths } from '../../config/paths.ts';
import type { Resource } from '../../plan/resource.ts';
import { text } from './configuration.ts';

export function registryFiles(registries: readonly Registry[]): Resource[] {
  return registries.flatMap((registry) => {
    // containerd's own name for "all others".
    const folder = `${paths.registries}/${registry.host === '*' ? '_default' : registry.host}`;
    const { caPem } = registry;
    const authority = caPem === undefined ? undefined : `${folder}/regnode-ca.crt`;
    const file = (path: string, content: string): Resource => ({ kind: 'file', path, mode: 0o644, content });
    return [
      ...(caPem === undefined || authority === undefined ? [] : [file(authority, endingLine(caPem))]),
      file(`${folder}/hosts.toml`, hostsFile(registry.mirrors, authority)),
    ];
  });
}

/** Without `server`: the registry that the image names. */
function hostsFile(mirrors: readonly string[], authority: string | undefined): string {
  const trust = authority === undefined ? [] : [`ca = ${text(authority)}`];
  return [
    '# Written by regnode; changed by hand it is set back.',
    ...trust,
    ...mirrors.flatMap((url) => [
      '',
      `[host.${text(url)}]`,
      '  capabilities = ["pull", "resolve"]',
      ...trust.map((line) => `  ${line}`),
    ]),
    '',
  ].join('\n');
}

function endingLine(content: string): string {
  return content.endsWith('\n') ? content : `${content}\n`;
}
