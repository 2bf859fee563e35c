// What looks like a secret in a text: keys, tokens, passwords, in the forms in which they get into logs and
// configuration. One table serves both ends: text that people wrote (logs) is cleaned with it, and what is
// about to leave the host is searched with it. A pattern takes too much rather than too little. Pure.

interface SecretKind {
  readonly name: string;
  readonly pattern: RegExp;
  /** What stays of a match, before and after the secret; nothing by default. */
  readonly keep?: (match: readonly string[]) => readonly [string, string];
}

const around = (match: readonly string[]): readonly [string, string] => [match[1] ?? '', match[3] ?? ''];

/** The value of a name that speaks of a secret: up to a quote, a space or a separator. */
const value = String.raw`("(?:[^"\\]|\\.)*"|'[^']*'|[^\s"',;&}\]]+)`;
const telling = String.raw`[\w.-]{0,48}(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|client-key-data|credentials?|auth(?:orization)?|cookie|signature)[\w.-]{0,48}`;

const secretKinds: readonly SecretKind[] = [
  // Also one that was cut off, and one whose line ends were escaped. Bounded: anybody's text is searched.
  {
    name: 'private-key',
    pattern:
      /-----BEGIN [A-Z0-9 ]{0,48}PRIVATE KEY[A-Z ]{0,48}-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,48}PRIVATE KEY[A-Z ]{0,48}-----|$)/g,
  },
  { name: 'encoded-pem', pattern: /LS0tLS1CRUdJTi[A-Za-z0-9+/=_-]+/g },
  { name: 'join-token', pattern: /\brt-[a-z0-9]{6}\.[a-z0-9]{32}\b/g },
  { name: 'bootstrap-token', pattern: /(?<![\w.-])[a-z0-9]{6}\.[a-z0-9]{16}(?![\w-])/g },
  { name: 'jwt', pattern: /\beyJ[A-Za-z0-9_-]{6,4096}\.[A-Za-z0-9_-]{6,8192}(?:\.[A-Za-z0-9_-]*)?/g },
  {
    name: 'authorization',
    pattern: /\b((?:bearer|basic|digest|negotiate)\s+)([A-Za-z0-9+/=._~-]{8,})()/gi,
    keep: around,
  },
  {
    name: 'url-password',
    pattern: /(\b[a-z][a-z0-9+.-]{0,30}:\/\/)([^\s/@"']{0,256}:[^\s/@"']{0,1024})(@)/gi,
    keep: around,
  },
  { name: 'aws-key', pattern: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g },
  { name: 'tencent-cloud-key', pattern: /\bAKID[A-Za-z0-9]{13,}\b/g },
  { name: 'github-token', pattern: /\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})\b/g },
  { name: 'gitlab-token', pattern: /\bgl(?:pat|rt|dt)-[A-Za-z0-9_-]{16,}/g },
  { name: 'slack-token', pattern: /\bxox[abprs]-[A-Za-z0-9-]{10,}/g },
  { name: 'google-key', pattern: /\bAIza[A-Za-z0-9_-]{30,}/g },
  { name: 'stripe-key', pattern: /\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}/g },
  { name: 'npm-token', pattern: /\bnpm_[A-Za-z0-9]{30,}/g },
  { name: 'age-key', pattern: /\bAGE-SECRET-KEY-1[A-Z0-9]{20,}/g },
  { name: 'password-hash', pattern: /\$(?:1|2[aby]|5|6|y|argon2id?)\$[./A-Za-z0-9$=,+-]{16,}/g },
  { name: 'header', pattern: /((?:set-)?cookie:)((?!\s*\[removed)[^\r\n"]+)()/gi, keep: around },
  {
    name: 'named-secret',
    pattern: new RegExp(String.raw`("?\b${telling}"?\s*[:=]\s*)${value}()`, 'gi'),
    keep: around,
  },
  {
    name: 'secret-argument',
    pattern: new RegExp(String.raw`(--?${telling}\s+)${value}()`, 'gi'),
    keep: around,
  },
  // The lines of a key's body when its frame is lost. A hash is hexadecimal and stays.
  {
    name: 'base64',
    pattern:
      /(?<![A-Za-z0-9+/=_-])(?=[A-Za-z0-9+/]*[A-Z])(?=[A-Za-z0-9+/]*[g-z])[A-Za-z0-9+/]{48,}={0,2}(?![A-Za-z0-9+/=_-])/g,
  },
];

const removed = /^\[removed: [a-z-]+\]$/;

/** The text with every secret replaced by its kind. */
export function withoutSecrets(text: string, known: readonly string[] = []): string {
  let clean = text;
  for (const secret of known) clean = clean.replaceAll(secret, '[removed: known]');
  for (const { name, pattern, keep } of secretKinds) {
    clean = clean.replaceAll(pattern, (whole: string, ...groups: unknown[]) => {
      const match = [whole, ...groups.filter((group) => typeof group === 'string')];
      if (isHarmless(name, match)) return whole;
      const [before, after] = keep?.(match) ?? ['', ''];
      return `${before}[removed: ${name}]${after}`;
    });
  }
  return clean;
}

/**
 * The same for a value that will be JSON: each of its strings by itself, while line ends are still line ends.
 */
export function withoutSecretsIn(content: unknown, known: readonly string[] = []): unknown {
  if (typeof content === 'string') return withoutSecrets(content, known);
  if (Array.isArray(content)) return content.map((item) => withoutSecretsIn(item, known));
  if (typeof content !== 'object' || content === null) return content;
  const entries = Object.entries(content).map(([name, item]) => [
    withoutSecrets(name, known),
    withoutSecretsIn(item, known),
  ]);
  return Object.fromEntries(entries);
}

/**
 * The kinds that are found, each once; never the secret itself. A text may be JSON:
 * what it escapes is seen too.
 */
export function secretsIn(text: string, known: readonly string[] = []): readonly string[] {
  const unescaped = text
    .replaceAll(/\\[nrt]/g, '\n')
    .replaceAll('\\"', '"')
    .replaceAll('\\/', '/');
  const forms = unescaped === text ? [text] : [text, unescaped];
  const found = secretKinds
    .filter(({ name, pattern }) =>
      forms.some((form) => [...form.matchAll(pattern)].some((match) => !isHarmless(name, match))),
    )
    .map(({ name }) => name);
  const isKnown = known.some((secret) => forms.some((form) => form.includes(secret)));
  return isKnown ? [...found, 'known'] : found;
}

/** What was removed before, and words that only name a thing: `token: true`, `auth=`, `secret: none`. */
function isHarmless(name: string, match: readonly (string | undefined)[]): boolean {
  if (name !== 'named-secret' && name !== 'secret-argument') return false;
  const text = (match[2] ?? '').replaceAll(/^["']|["']$/g, '');
  return (
    text.includes('[removed:') ||
    removed.test(text) ||
    /^(true|false|null|none|undefined|\d{0,3}|[[{(].*)$/i.test(text)
  );
}
