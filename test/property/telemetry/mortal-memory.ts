// Shared memory whose writer dies at a store: the real code runs, only the views that it makes onto shared
// memory and Atomics are watched meanwhile. Every store, plain or atomic, and every notify is a moment of
// death; death is thrown before the store is made. Views made outside belong to the other thread: their
// stores are nobody's death, and their loads are counted, so that a reader that waits for somebody who is
// dead shows itself instead of hanging.

class Death extends Error {}

type View = Int32Array | Uint16Array | Uint8Array | Float64Array;
const viewNames = ['Int32Array', 'Uint16Array', 'Uint8Array', 'Float64Array'] as const;
const realAtomics = globalThis.Atomics;
/** A producer may live through several calls of `live`: its views stay what they are. */
const realOf = new WeakMap<object, View>();
let beforeStore: () => void = () => undefined;

/** Runs a life that makes so many stores and dies before the next; `stores` is how many it made. */
export function live(storeLimit: number, life: () => void): { hasDied: boolean; stores: number } {
  let stores = 0;
  beforeStore = () => {
    if (stores === storeLimit) throw new Death(`before store ${stores}`);
    stores += 1;
  };
  const restore = stub({
    ...Object.fromEntries(viewNames.map((name) => [name, mortalViews(globalThis[name])])),
    Atomics: mortalAtomics(),
  });
  try {
    life();
    return { hasDied: false, stores };
  } catch (error) {
    if (!(error instanceof Death)) throw error;
    return { hasDied: true, stores };
  } finally {
    restore();
  }
}

/** What a reader does in a moment; one that loads the same again and again throws. */
export function inBoundedLoads<T>(loadLimit: number, read: () => T): T {
  let loads = 0;
  const load = (view: Int32Array, index: number) => {
    loads += 1;
    if (loads > loadLimit) throw new Error(`the reader spins: more than ${loadLimit} loads`);
    return realAtomics.load(view, index);
  };
  const restore = stub({ Atomics: withMethods({ load }) });
  try {
    return read();
  } finally {
    restore();
  }
}

function mortalViews(real: new (...parameters: never[]) => View): unknown {
  return new Proxy(real, {
    construct(target, parameters: never[]) {
      const view = new target(...parameters);
      if (!(view.buffer instanceof SharedArrayBuffer)) return view;
      const mortal = new Proxy(view, {
        get(_, key) {
          if (key === 'set') return setEach;
          const value: unknown = Reflect.get(view, key, view);
          return typeof value === 'function' ? value.bind(view) : value;
        },
        set(_, key, value: number) {
          beforeStore();
          view[Number(key)] = value;
          return true;
        },
      });
      const setEach = (values: ArrayLike<number>, offset = 0) => {
        for (let index = 0; index < values.length; index += 1) mortal[offset + index] = values[index] ?? 0;
      };
      realOf.set(mortal, view);
      return mortal;
    },
  });
}

function mortalAtomics(): typeof Atomics {
  const real = (view: Int32Array) => (realOf.get(view) ?? view) as Int32Array;
  const before = (view: Int32Array) => {
    if (realOf.has(view)) beforeStore();
    return real(view);
  };
  return withMethods({
    load: (view: Int32Array, index: number) => realAtomics.load(real(view), index),
    store: (view: Int32Array, index: number, value: number) => realAtomics.store(before(view), index, value),
    add: (view: Int32Array, index: number, value: number) => realAtomics.add(before(view), index, value),
    notify: (view: Int32Array, index: number) => realAtomics.notify(before(view), index),
  });
}

/** Whatever else of Atomics is used, this has to know it. */
function withMethods(methods: Readonly<Record<string, unknown>>): typeof Atomics {
  return new Proxy(realAtomics, {
    get(_, name) {
      const own = methods[String(name)];
      if (own !== undefined) return own;
      if (String(name).startsWith('wait')) return Reflect.get(realAtomics, name);
      if (!('store' in methods)) return Reflect.get(realAtomics, name);
      throw new Error(`Atomics.${String(name)} is no moment of death yet`);
    },
  });
}

/** For the time until the function that it answers is called; nothing asynchronous may come between. */
function stub(globals: Readonly<Record<string, unknown>>): () => void {
  const before = new Map(
    Object.keys(globals).map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]),
  );
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  return () => {
    for (const [name, descriptor] of before)
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
  };
}
