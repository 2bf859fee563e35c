// What an attack waits for at the moment, in words: when it never ends, the test can say
// what the gateway did not do.
const waits = new Map<symbol, string>();

export async function waiting<T>(what: string, until: Promise<T>): Promise<T> {
  const key = Symbol(what);
  waits.set(key, what);
  try {
    return await until;
  } finally {
    waits.delete(key);
  }
}

/** Each with how often it is waited for. */
export function pending(): string[] {
  const all = [...waits.values()];
  return [...new Set(all)].map((what) => `${all.filter((other) => other === what).length} × ${what}`);
}
