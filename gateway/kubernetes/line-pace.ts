// Which lines of a watch are parsed. What each object's changes cost has a budget, and all large lines
// together have one: a kubelet that writes a few bytes of a large Node has the whole of it sent each time,
// and the lines of all nodes come in one stream. Lines whose object can't be named at a glance are always
// parsed: they are of custom resources, which no node writes.
import { type BucketLimits, TokenBucket, TokenBuckets } from '../../protocol/rate/token-bucket.ts';
import type { Line } from './lines.ts';

/** To parse a megabyte takes some 20 ms. */
const ofEach: BucketLimits = { burst: 2 * 1024 * 1024, perSecond: 128 * 1024 };
const ofAllLarge: BucketLimits = { burst: 16 * 1024 * 1024, perSecond: 1024 * 1024 };
/** Nodes without ill will are below it, and aren't held up by those above it. */
const largeBytes = 64 * 1024;
const remembered = 20_000;

/** What a line says at its front. */
interface LinePlace {
  readonly isDeleted: boolean;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly resourceVersion: string | undefined;
}

export class LinePace {
  readonly #each = new TokenBuckets(ofEach, remembered);
  readonly #large: TokenBucket;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
    this.#large = new TokenBucket(ofAllLarge, now());
  }

  admits({ namespace = '', name }: LinePlace, { length }: Pick<Line, 'length'>): boolean {
    const now = this.#now();
    const key = `${namespace}/${name}`;
    if (!this.#each.take(key, length, now)) return false;
    if (length <= largeBytes || this.#large.take(length, now)) return true;
    this.#each.giveBack(key, length);
    return false;
  }
}

/** The API server writes kinds of its own in the order of their Go fields: first the name. */
const shape =
  /^\{"type":"(ADDED|MODIFIED|DELETED)","object":\{(?:"(?:kind|apiVersion)":"[^"\\]*",){0,2}"metadata":\{((?:"[A-Za-z]+":"[^"\\]*",)*)/;

/** undefined: it can't be told without parsing it. */
export function placeOf(front: string): LinePlace | undefined {
  const [, type, fields] = shape.exec(front) ?? [];
  if (type === undefined || fields === undefined) return undefined;
  const found = new Map(
    [...fields.matchAll(/"([A-Za-z]+)":"([^"]*)"/g)].map(([, key, value]) => [key, value]),
  );
  const name = found.get('name');
  if (!name) return undefined;
  const [namespace, resourceVersion] = [found.get('namespace'), found.get('resourceVersion')];
  return { isDeleted: type === 'DELETED', name, namespace, resourceVersion };
}
