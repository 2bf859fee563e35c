// What secrets look like in a text: keys, tokens, passwords, in the forms in which they get into logs and
// configuration. A pattern takes too much rather than too little. Anybody's text is searched, so each pattern
// takes time in proportion to the text: it begins only where no letter of its class stands before, or its
// parts end where the next could begin, so that no stretch is read from many beginnings. Pure.

interface SecretKind {
  readonly name: string;
  readonly pattern: RegExp;
  /** What stays of a match, before and after the secret; nothing by default. */
  readonly keep?: (match: readonly string[]) => readonly [string, string];
}

const around = (match: readonly string[]): readonly [string, string] => [match[1] ?? '', match[3] ?? ''];

/**
 * The value of a name that speaks of a secret: up to a quote, a space or a
 * separator; all of one that was cut.
 */
const value = String.raw`("[^"\\]*(?:\\[\s\S][^"\\]*)*(?:"|\\?$)|'[^']*(?:'|$)|[^\s"',;&}\]]+)`;
const telling = `(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|client-key-data|credentials?|auth(?:orization)?|cookie|signature)`;
/** A whole name, from its first letter, and an argument with its hyphens. */
const name = String.raw`(?<![\w.-])(?=[\w.-]*${telling})[\w.-]+`;
const argument = String.raw`(?<![\w.-])(?=[\w.]*-[\w.-]*${telling})[\w.-]+`;

export const secretKinds: readonly SecretKind[] = [
  // Also one that was cut off, and one whose line ends were escaped.
  {
    name: 'private-key',
    pattern:
      /-----BEGIN [A-Z0-9 ]{0,48}PRIVATE KEY[A-Z ]{0,48}-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,48}PRIVATE KEY[A-Z ]{0,48}-----|$)/g,
  },
  { name: 'encoded-pem', pattern: /LS0tLS1CRUdJTi[A-Za-z0-9+/=_-]+/g },
  { name: 'join-token', pattern: /\brt-[a-z0-9]{6}\.[a-z0-9]{32}\b/g },
  { name: 'bootstrap-token', pattern: /(?<![\w.-])[a-z0-9]{6}\.[a-z0-9]{16}(?![\w-])/g },
  { name: 'jwt', pattern: /(?<![\w-])(?=[\w-]{0,8192}eyJ)[\w-]{9,16384}\.[\w-]{6,}(?:\.[\w-]*)?/g },
  {
    name: 'authorization',
    pattern: /\b((?:bearer|basic|digest|negotiate)\s+)([A-Za-z0-9+/=._~-]{8,})()/gi,
    keep: around,
  },
  // Whatever the scheme; each part ends at the next "/".
  { name: 'url-password', pattern: /(:\/\/)([^\s/@"':]*:[^\s/@"']*)(@)/g, keep: around },
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
    pattern: new RegExp(String.raw`(${name}"?\s*[:=]\s*)${value}()`, 'gi'),
    keep: around,
  },
  {
    name: 'secret-argument',
    pattern: new RegExp(String.raw`(${argument}\s+)${value}()`, 'gi'),
    keep: around,
  },
  // The lines of a key's body when its frame is lost. A hash is hexadecimal and stays.
  {
    name: 'base64',
    pattern:
      /(?<![A-Za-z0-9+/=_-])(?=[A-Za-z0-9+/]*[A-Z])(?=[A-Za-z0-9+/]*[g-z])[A-Za-z0-9+/]{48,}={0,2}(?![A-Za-z0-9+/=_-])/g,
  },
];

/** Words that only name a thing, and what was removed before: `token: true`, `auth=`, `secret: none`. */
export function isHarmless(kind: string, match: readonly (string | undefined)[]): boolean {
  if (kind !== 'named-secret' && kind !== 'secret-argument') return false;
  const text = (match[2] ?? '').replaceAll(/^["']|["']$/g, '');
  return text.includes('[removed:') || /^(true|false|null|none|undefined|\d{0,3}|[[{(].*)$/i.test(text);
}
