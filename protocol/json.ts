// The one door for JSON from a peer. Size, depth and the number of values are measured in the text, without
// recursion, before anything is made of it: whatever looks at the value afterwards may recurse, and takes
// its time for each key. A key named `__proto__` is left out, and half a surrogate pair is read as U+FFFD, as
// it would be in UTF-8. What is no JSON, or beyond its limits, is a value and no exception.
export interface JsonLimits {
  readonly bytes: number;
  /** Arrays and objects inside each other. */
  readonly depth: number;
  /** Members of objects and elements of arrays, all together; default: any number. */
  readonly items?: number;
}

export type ParsedJson =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly why: string };

/** The deepest message of ours, the desired state, has seven. */
export const peerDepthLimit = 32;

export function parseJson(input: string | Uint8Array, limits: JsonLimits): ParsedJson {
  const length = typeof input === 'string' ? Buffer.byteLength(input) : input.byteLength;
  if (length > limits.bytes) return refused(`it has ${length} bytes, allowed are ${limits.bytes}`);
  try {
    const text = typeof input === 'string' ? input : decode(input);
    const beyond = whatIsBeyond(text, limits);
    if (beyond !== undefined) return refused(beyond);
    const value: unknown = JSON.parse(text);
    // Only with an escape, or spelled out, can there be anything to clean.
    return { ok: true, value: /\\u|__proto__|[\ud800-\udfff]/.test(text) ? cleaned(value) : value };
  } catch {
    return refused('it is no JSON in UTF-8');
  }
}

/** A copy: the decoder refuses bytes that another thread may change. */
function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes.slice());
}

/**
 * Brackets and commas outside of strings. What is no JSON may be counted wrongly, and is refused by the
 * parser then.
 */
function whatIsBeyond(
  text: string,
  { depth: deepest, items: most = Infinity }: JsonLimits,
): string | undefined {
  let depth = 0;
  let items = 0;
  let isInString = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (isInString) {
      if (code === backslash) index += 1;
      else if (code === quote) isInString = false;
    } else if (code === quote) isInString = true;
    else if (code === openBracket || code === openBrace) {
      depth += 1;
      // The first of what it holds; the others each have a comma before them.
      items += 1;
      if (depth > deepest) return `more than ${deepest} levels`;
    } else if (code === comma) items += 1;
    else if (code === closeBracket || code === closeBrace) depth -= 1;
    if (items > most) return `more than ${most} values`;
  }
  return undefined;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Of a value that has just been parsed, so that it is nobody else's: changed where it lies. */
function cleaned(value: unknown): unknown {
  const root: unknown[] = [value];
  const places: (unknown[] | Record<string, unknown>)[] = [root];
  for (let place = places.pop(); place !== undefined; place = places.pop()) {
    const entries = place as Record<string, unknown>;
    for (const key of Object.keys(entries)) {
      if (key === '__proto__') {
        delete entries[key];
        continue;
      }
      const found = entries[key];
      const name = key.toWellFormed();
      if (name !== key) delete entries[key];
      if (typeof found === 'string') entries[name] = found.toWellFormed();
      else if (name !== key) entries[name] = found;
      if (typeof found === 'object' && found !== null) places.push(found as Record<string, unknown>);
    }
  }
  return root[0];
}

function refused(why: string): ParsedJson {
  return { ok: false, why };
}
