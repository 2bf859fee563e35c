// /etc/os-release as os-release(5) defines it: KEY=value lines, values perhaps in quotes.
import type { Host } from '../../host/host.ts';

export interface OsRelease {
  readonly id: string;
  readonly idLike: readonly string[];
  readonly versionId: string;
  readonly prettyName: string;
}

export async function osRelease(host: Host): Promise<OsRelease | undefined> {
  const text =
    (await host.files.readText('/etc/os-release')) ?? (await host.files.readText('/usr/lib/os-release'));
  return text === undefined ? undefined : parseOsRelease(text);
}

export function parseOsRelease(text: string): OsRelease {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^\s*([A-Z0-9_]+)=(.*?)\s*$/.exec(line);
    if (match?.[1] !== undefined) fields.set(match[1], unquote(match[2] ?? ''));
  }
  const id = fields.get('ID') ?? 'linux';
  return {
    id,
    idLike: (fields.get('ID_LIKE') ?? '').split(/\s+/).filter(Boolean),
    versionId: fields.get('VERSION_ID') ?? '',
    prettyName: fields.get('PRETTY_NAME') ?? fields.get('NAME') ?? id,
  };
}

function unquote(value: string): string {
  const quoted = /^"(.*)"$|^'(.*)'$/.exec(value);
  return (quoted?.[1] ?? quoted?.[2] ?? value).replaceAll(/\\(["$`\\])/g, '$1');
}
