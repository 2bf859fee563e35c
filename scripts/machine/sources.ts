// Finds the machine's own Debian package sources and rewrites them for a private apt configuration: the same
// mirrors and signing keys, with source packages switched on and everything that isn't a Debian suite left
// out (a third party's repository may be unreachable, and none is needed). Pure text in, text out.

export interface AptFile {
  readonly path: string;
  readonly text: string;
}

/** Debian's suites by name: a release or a word for one, with the usual suffixes. */
const debianSuite =
  /^(?:buster|bullseye|bookworm|trixie|forky|sid|oldoldstable|oldstable|stable|testing|unstable)(?:-(?:updates|security|proposed-updates|backports)|\/updates)?$/;
/** Proposed updates and backports hold newer packages than the machine has; they would make results vary. */
const wantedSuite = /^(?!.*-(?:proposed-updates|backports)$)/;

/** One deb822 file that names every Debian source of the given files, as both `deb` and `deb-src`. */
export function privateSources(files: readonly AptFile[]): string {
  const stanzas = files.flatMap((file) =>
    file.path.endsWith('.sources') ? fromDeb822(file.text) : fromOneLine(file.text),
  );
  return `${[...new Set(stanzas.map(render))].join('\n')}`;
}

interface Stanza {
  readonly uris: string;
  readonly suites: readonly string[];
  readonly components: string;
  /** Signed-By and the like, kept as they were. */
  readonly options: readonly (readonly [string, string])[];
}

function fromDeb822(text: string): Stanza[] {
  return text
    .split(/\n\s*\n/)
    .map(parseFields)
    .flatMap((fields) => {
      const suites = wanted((fields.get('suites') ?? '').split(/\s+/));
      const enabled = !/^(?:no|false|without|off|disable|0)$/i.test(fields.get('enabled') ?? '');
      const uris = fields.get('uris');
      if (
        !enabled ||
        suites.length === 0 ||
        !(fields.get('types') ?? '').split(/\s+/).includes('deb') ||
        !uris
      )
        return [];
      const kept = ['signed-by', 'trusted', 'check-valid-until', 'architectures'];
      const options = kept.flatMap((name) => {
        const value = fields.get(name);
        return value === undefined ? [] : [[fieldNames[name] ?? name, value] as const];
      });
      return [{ uris, suites, components: fields.get('components') ?? 'main', options }];
    });
}

/** Fields of one deb822 stanza, lower-case names; continuation lines (an embedded key) stay as they are. */
function parseFields(stanza: string): Map<string, string> {
  const fields = new Map<string, string>();
  let current = '';
  for (const line of stanza.split('\n')) {
    if (line.startsWith('#') || line.trim() === '') continue;
    if (/^\s/.test(line)) {
      fields.set(current, `${fields.get(current) ?? ''}\n${line}`);
      continue;
    }
    const colon = line.indexOf(':');
    current = line.slice(0, colon).trim().toLowerCase();
    fields.set(current, line.slice(colon + 1).trim());
  }
  return fields;
}

const fieldNames: Readonly<Record<string, string>> = {
  'signed-by': 'Signed-By',
  trusted: 'Trusted',
  'check-valid-until': 'Check-Valid-Until',
  architectures: 'Architectures',
  arch: 'Architectures',
};

function fromOneLine(text: string): Stanza[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (match === null) return [];
    const [, bracket = '', uris = '', suite = '', components = ''] = match;
    const suites = wanted([suite]);
    if (suites.length === 0) return [];
    const options = bracket
      .split(/\s+/)
      .filter((option) => option.includes('='))
      .map((option) => {
        const [name = '', value = ''] = option.split(/=(.*)/s);
        return [fieldNames[name.toLowerCase()] ?? name, value.replaceAll(',', ' ')] as const;
      });
    return [{ uris, suites, components: components.trim() || 'main', options }];
  });
}

function wanted(suites: readonly string[]): string[] {
  return suites.filter((suite) => debianSuite.test(suite) && wantedSuite.test(suite));
}

function render(stanza: Stanza): string {
  const lines = [
    'Types: deb deb-src',
    `URIs: ${stanza.uris}`,
    `Suites: ${stanza.suites.join(' ')}`,
    `Components: ${stanza.components}`,
    ...stanza.options.map(([name, value]) => `${name}: ${value}`),
  ];
  return `${lines.join('\n')}\n`;
}
