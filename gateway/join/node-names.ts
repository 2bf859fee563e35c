// Which names a pool lets new hosts take. A host says what it is called, and whoever has a token says what he
// likes: also the name that a node of the cloud will have, as which it could read that node's Secrets. A
// token that is bound to a name is an administrator's word for it. Pure.
import { Fault } from '../../protocol/catalogue/fault.ts';

/** Throws NODE_NAME_RESERVED. `boundTo`: the name in the token. */
export function assertNameOfPool(
  name: string,
  pool: { readonly name: string; readonly nodeNames: readonly string[] },
  boundTo: string | undefined,
): void {
  if (pool.nodeNames.length === 0 || boundTo === name) return;
  if (pool.nodeNames.some((pattern) => matches(pattern, name))) return;
  const names = pool.nodeNames.join(', ').slice(0, 300);
  const detail = `new nodes of the pool ${pool.name} are called ${names}, unless their token is bound to another name`;
  throw new Fault('NODE_NAME_RESERVED', { name, detail });
}

/** In one pass over the name, whatever the pattern is. */
export function matches(pattern: string, name: string): boolean {
  const [first = '', ...parts] = pattern.split('*');
  const last = parts.pop();
  if (last === undefined) return name === pattern;
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const part of parts) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}
