// Who has which names and addresses, kept up to date change by change. It decides nothing:
// several may have the same one.

export class HolderIndex {
  readonly #keysOf = new Map<string, readonly string[]>();
  readonly #holdersOf = new Map<string, Set<string>>();

  /** Of this holder from now on; none: it is gone. */
  set(holder: string, keys: readonly string[]): void {
    const before = this.#keysOf.get(holder) ?? [];
    if (before.length === keys.length && before.every((key, index) => key === keys[index])) return;
    for (const key of before) {
      const holders = this.#holdersOf.get(key);
      holders?.delete(holder);
      if (holders?.size === 0) this.#holdersOf.delete(key);
    }
    if (keys.length > 0) this.#keysOf.set(holder, keys);
    else this.#keysOf.delete(holder);
    for (const key of keys) {
      const holders = this.#holdersOf.get(key);
      if (holders) holders.add(holder);
      else this.#holdersOf.set(key, new Set([holder]));
    }
  }

  holders(key: string): Iterable<string> {
    return this.#holdersOf.get(key) ?? [];
  }
}
