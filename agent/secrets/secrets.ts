// Takes secrets out of texts, and searches for them what is about to leave the host. One table serves both
// ends (secret-kinds.ts), and both look at the same forms of a text: as it stands, and with what JSON and Go
// quote taken back. So what was cleaned is never found to hold a secret afterwards. Pure.
import { isHarmless, secretKinds } from './secret-kinds.ts';

/** The text with every secret replaced by its kind; a line that hides one in another form goes as a whole. */
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
  return withoutTellingLines(clean, known);
}

/** Lines in which a secret is found go; the whole text does when one is found across lines. */
export function withoutTellingLines(text: string, known: readonly string[] = []): string {
  const removedIn = (part: string) => {
    const kinds = secretsIn(part, known);
    return kinds.length === 0 ? part : `[removed: ${kinds.join(', ')}]`;
  };
  if (secretsIn(text, known).length === 0) return text;
  return removedIn(text.split('\n').map(removedIn).join('\n'));
}

/**
 * The same for a value that will be JSON: each of its strings by itself, while line ends are still line ends,
 * and each beside its name.
 */
export function withoutSecretsIn(content: unknown, known: readonly string[] = []): unknown {
  if (typeof content === 'string') return withoutSecrets(content, known);
  if (Array.isArray(content)) return content.map((item) => withoutSecretsIn(item, known));
  if (typeof content !== 'object' || content === null) return content;
  const entries = Object.entries(content).map(([name, item]) => {
    const clean = [withoutSecrets(name, known), withoutSecretsIn(item, known)] as const;
    if (typeof clean[1] === 'object') return clean;
    const kinds = secretsIn(`${JSON.stringify(clean[0])}: ${JSON.stringify(clean[1])}`, known);
    return kinds.length === 0 ? clean : ([clean[0], `[removed: ${kinds.join(', ')}]`] as const);
  });
  return Object.fromEntries(entries);
}

/** The kinds that are found, each once; never the secret itself. */
export function secretsIn(text: string, known: readonly string[] = []): readonly string[] {
  const forms = formsOf(text);
  const found = secretKinds
    .filter(({ name, pattern }) =>
      forms.some((form) => [...form.matchAll(pattern)].some((match) => !isHarmless(name, match))),
    )
    .map(({ name }) => name);
  // A password may be a word with which we say what was removed.
  const bare = forms.map((form) => form.replaceAll(/\[removed: [a-z0-9, -]{1,400}\]/g, ' '));
  const isKnown = known.some((secret) => bare.some((form) => form.includes(secret)));
  return isKnown ? [...found, 'known'] : found;
}

/** As it stands, and without what was quoted, however often it was. */
function formsOf(text: string): readonly string[] {
  const unescaped = text.replaceAll(/(?<!\\)\\+([nrt"'/])/g, (_, letter: string) =>
    /[nrt]/.test(letter) ? '\n' : letter,
  );
  return unescaped === text ? [text] : [text, unescaped];
}
