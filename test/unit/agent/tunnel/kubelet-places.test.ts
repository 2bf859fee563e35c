// Places of connections to the API server: whoever is root has some, the kubelet has the others.
import { beforeEach, expect, test } from 'vitest';
import { KubeletPlaces, type Place } from '../../../../agent/tunnel/kubelet-places.ts';

const here = { address: '127.0.0.1', port: 40_000 };
const there = { address: '127.0.0.1', port: 294 };

let now: number;
let asked: number;
beforeEach(() => {
  [now, asked] = [0, 0];
});

function places(isKubelets: () => boolean, change = {}): KubeletPlaces {
  return new KubeletPlaces({
    limit: 8,
    shared: 4,
    pace: { burst: 100, perSecond: 1 },
    isKubelets: async () => {
      asked += 1;
      return isKubelets();
    },
    nowMs: () => now,
    ...change,
  });
}

const take = (of: KubeletPlaces) => of.take(here, there);
const leave = (place: Place) => 'leave' in place && place.leave();

test('few places: nobody is looked up, and each that is left is there again', async () => {
  const of = places(() => false);
  for (let count = 0; count < 50; count++) leave(await take(of));
  expect(asked).toBe(0);
});

test('where others have all that they can have, the kubelet has the rest, and no more than there are', async () => {
  let isKubelet = false;
  const of = places(() => isKubelet);
  const others = [await take(of), await take(of), await take(of), await take(of)];
  for (const place of others) expect(place).toHaveProperty('leave');
  expect(await take(of)).toEqual({ refused: 'other places are the kubelet’s' });
  isKubelet = true;
  const own = [await take(of), await take(of), await take(of), await take(of)];
  for (const place of own) expect(place).toHaveProperty('leave');
  expect(await take(of)).toEqual({ refused: 'more than 8' });
  leave(own[0] as Place);
  expect(await take(of)).toHaveProperty('leave');
  isKubelet = false;
  leave(others[0] as Place);
  expect(await take(of), 'one of theirs is free').toHaveProperty('leave');
  expect(await take(of)).toEqual({ refused: 'other places are the kubelet’s' });
});

test('many that ask at once while they are looked up take no more places than there are', async () => {
  const of = places(() => true);
  const all = await Promise.all(Array.from({ length: 20 }, () => take(of)));
  expect(all.filter((place) => 'leave' in place)).toHaveLength(8);
});

test('who opens and closes without end has a few a second; the kubelet has its own', async () => {
  let isKubelet = false;
  const of = places(() => isKubelet, { pace: { burst: 10, perSecond: 2 } });
  const begun = async () => {
    let count = 0;
    for (let round = 0; round < 50; round++) {
      const place = await take(of);
      if ('leave' in place) count += 1;
      leave(place);
    }
    return count;
  };
  expect(await begun()).toBe(10);
  now += 1000;
  expect(await begun()).toBe(2);
  isKubelet = true;
  expect(await begun()).toBe(50);
});
