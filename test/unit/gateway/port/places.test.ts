// Places at the public port, without a socket: whatever strangers do, the newcomer gets in,
// nodes stay, and the sums hold.
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Eviction, type Place, type PlaceLimits, Places } from '../../../../gateway/port/places.ts';
import { network } from '../../../../gateway/resources/address.ts';

const limits: PlaceLimits = {
  strangers: 20,
  strangersPerAddress: 8,
  perNode: 3,
  handshakes: { burst: 1000, perSecond: 10 },
  handshakesOfNode: { burst: 400, perSecond: 10 },
  handshakesOfUnknown: { burst: 100_000, perSecond: 100_000 },
  handshakesKept: { burst: 100, perSecond: 2 },
  handshakesOfKnown: { burst: 100_000, perSecond: 100_000 },
  promptHandshakeMs: 2000,
  strangerLifetimeMs: 60_000,
  leastBytesPerSecond: 1024,
  keptForKnownAddress: 4,
  rememberedAddresses: 100,
};

let places: Places;
let closed: string[];
let now: number;
beforeEach(() => {
  places = new Places({ limits });
  [closed, now] = [[], 0];
});

function enter(name: string, address = '10.0.0.1', movedBytes = () => 0): Place {
  const close = (reason: Eviction) => void closed.push(`${name}: ${reason}`);
  const place = places.enter({ address, movedBytes, close }, now);
  if (place === undefined) throw new Error(`${name} found no place`);
  return place;
}

function shown(place: Place): Place {
  place.isHandshake = false;
  return place;
}

test('handshakes from addresses without end wait; where a node has been, or is registered, one goes on', () => {
  const handshakesOfUnknown = { burst: 100, perSecond: 1 };
  const isKnownAddress = (address: string) => address === '10.9.0.1';
  places = new Places({ limits: { ...limits, handshakesOfUnknown }, isKnownAddress });
  expect(places.identified(enter('a node behind another address', '10.9.0.2'), 'idc-1', now)).toBe(true);
  const begun = Array.from({ length: 300 }, (_, index) => {
    const address = `10.${index % 3}.${index}.1`;
    const place = places.enter({ address, movedBytes: () => 0, close: () => {} }, now);
    if (place !== undefined) places.leave(place);
    return place;
  });
  expect(begun.filter((place) => place !== undefined)).toHaveLength(99);
  enter('a registered node', '10.9.0.1');
  enter('one that was here', '10.9.0.2');
  expect(() => enter('another', '10.9.0.3')).toThrow('found no place');
  now += 1000;
  enter('another', '10.9.0.3');
});

test('pods on many hosts begin handshakes without end: their sum is bounded, each address keeps its own', () => {
  const handshakesOfKnown = { burst: 200, perSecond: 10 };
  places = new Places({ limits: { ...limits, handshakesOfKnown }, isKnownAddress: () => true });
  const begin = (address: string) => places.enter({ address, movedBytes: () => 0, close: () => {} }, now);
  const begun = () => {
    const places = Array.from({ length: 6_000 }, (_, index) => begin(`10.0.0.${1 + (index % 6)}`));
    return places.filter((place) => place !== undefined).length;
  };
  expect(begun(), 'a hundred of each, and 200').toBe(800);
  now += 1000;
  expect(begun(), 'two of each, and ten').toBe(22);
  for (let count = 0; count < 1_000; count++) {
    const place = begin('10.0.0.9');
    expect(place !== undefined && places.identified(shown(place), `idc-${count}`, now), 'a node').toBe(true);
  }
});

describe('at an address that strangers have filled', () => {
  test('the newcomer gets in, in place of the one that has asked for nothing the longest', () => {
    const busy = shown(enter('busy'));
    busy.requests = 1;
    enter('in its handshake');
    for (let count = 0; count < 6; count++) shown(enter(`idle ${count}`));
    enter('newcomer');
    enter('and another');
    expect(closed).toEqual(['idle 0: per-address', 'idle 1: per-address']);
  });

  test('a handshake that takes long makes room before one that has just begun', () => {
    enter('slow');
    now += limits.promptHandshakeMs;
    for (let count = 0; count < 7; count++) enter(`prompt ${count}`);
    enter('newcomer');
    expect(closed).toEqual(['slow: per-address']);
  });

  test('when all are at something it is by lot: no hurry pushes out exactly the one before', () => {
    const lots = [0.99, 0, 0.5];
    places = new Places({ limits, random: () => lots.shift() ?? 0 });
    for (let count = 0; count < 8; count++) enter(String(count));
    for (let count = 0; count < 3; count++) enter('newcomer');
    expect(closed).toEqual(['7: per-address', '0: per-address', '5: per-address']);
  });

  test('nodes of the same address are not among them', () => {
    const tunnel = shown(enter('tunnel'));
    expect(places.identified(tunnel, 'idc-1', now)).toBe(true);
    for (let count = 0; count < 100; count++) shown(enter('stranger'));
    const again = shown(enter('the agent, started anew'));
    expect(places.identified(again, 'idc-1', now)).toBe(true);
    for (let count = 0; count < 100; count++) shown(enter('stranger'));
    expect(places.connectionsOf('idc-1')).toBe(2);
    expect(new Set(closed)).toEqual(new Set(['stranger: per-address']));
  });
});

describe('at a port that strangers have filled', () => {
  test('the address with most makes room', () => {
    for (const address of ['10.0.0.1', '10.0.0.2']) {
      for (let count = 0; count < 8; count++) shown(enter(`${address} ${count}`, address));
    }
    for (let count = 0; count < 4; count++) shown(enter(`one of many ${count}`, `10.0.1.${count}`));
    for (let count = 0; count < 4; count++) shown(enter('newcomer', '10.0.2.1'));
    expect(closed).toEqual([
      '10.0.0.1 0: strangers',
      '10.0.0.2 0: strangers',
      '10.0.0.1 1: strangers',
      '10.0.0.2 1: strangers',
    ]);
  });

  test('an address of nodes keeps its last places when each stranger has another address', () => {
    places.identified(shown(enter('node', '10.9.9.9')), 'idc-1', now);
    places = new Places({ limits, isKnownAddress: (address) => address === '10.9.9.9' });
    enter('an agent in its handshake', '10.9.9.9');
    for (let count = 0; count < 500; count++) enter('stranger', `10.0.${count >> 8}.${count & 255}`);
    expect(closed.length).toBe(481);
    expect(closed).not.toContain('an agent in its handshake: strangers');
  });
});

test('an address that begins handshakes without end is refused; those of nodes are not counted', () => {
  for (let count = 0; count < 2000; count++) {
    const place = shown(enter('node'));
    places.identified(place, `idc-${count}`, now);
    places.leave(place);
  }
  for (let count = 0; count < 1000; count++) enter('stranger');
  const given = { address: '10.0.0.1', movedBytes: () => 0, close: () => {} };
  expect(places.enter(given, now)).toBeUndefined();
  expect(places.enter({ ...given, address: '10.0.0.2' }, now)).toBeDefined();
  expect(places.enter(given, now + 100)).toBeDefined();
});

test('a node that begins handshakes without end has its own share and its address’s, wherever it comes from', () => {
  const handshakesOfUnknown = { burst: 1200, perSecond: 1 };
  places = new Places({ limits: { ...limits, handshakesOfUnknown } });
  const begin = (address: string) => {
    const place = places.enter({ address, movedBytes: () => 0, close: () => {} }, now);
    return place !== undefined && places.identified(shown(place), 'idc-1', now);
  };
  const begun = (address: string) =>
    Array.from({ length: 5000 }, () => begin(address)).filter(Boolean).length;
  expect(begun('10.0.0.1')).toBe(1400);
  now += 1000;
  expect(begun('10.0.0.1'), 'ten of its own and ten of its address’s').toBe(20);
  const others = Array.from({ length: 5000 }, (_, index) => begin(`10.1.${index >> 8}.${index & 255}`));
  expect(others.filter(Boolean), 'other addresses are not known by it').toHaveLength(1200);
});

test('a node has so many; an idle one makes room for another of its own, one in use does not', () => {
  const inUse = ['a', 'b', 'c'].map((name) => shown(enter(name)));
  for (const place of inUse) expect(places.identified(place, 'idc-1', now)).toBe(true);
  for (const place of inUse.slice(0, 2)) place.requests = 1;
  const next = shown(enter('d'));
  expect(places.identified(next, 'idc-1', now)).toBe(true);
  next.requests = 1;
  expect(places.identified(shown(enter('e')), 'idc-1', now)).toBe(false);
  expect(places.identified(shown(enter('f')), 'idc-2', now)).toBe(true);
  expect(closed).toEqual(['c: per-node']);
});

test('a stranger is let go after its time, unless its answer goes on at some pace', () => {
  const moved = { download: 0, trickle: 0 };
  shown(enter('idle'));
  shown(enter('download', '10.0.0.1', () => moved.download)).requests = 1;
  shown(enter('trickle', '10.0.0.1', () => moved.trickle)).requests = 1;
  for (; now <= 600_000; now += 5000) {
    moved.download += 6000;
    moved.trickle += 60;
    places.sweep(now);
  }
  expect(closed).toEqual(['idle: lifetime', 'trickle: lifetime']);
});

test('whatever happens, the sums hold, the newcomer is in, and no stranger moves a node', () => {
  const step = fc.tuple(
    fc.constantFrom('enter', 'shown', 'identified', 'begin', 'end', 'leave', 'sweep'),
    fc.nat(30),
    fc.nat(5),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const of = new Places({ limits: { ...limits, handshakes: { burst: 10_000, perSecond: 1 } } });
      const here: Place[] = [];
      let at = 0;
      for (const [what, index, which] of steps) {
        at += 100;
        const place = here[index % Math.max(1, here.length)];
        if (what === 'enter') {
          const entered = of.enter(
            {
              address: `10.0.0.${which}`,
              movedBytes: () => 0,
              close: (reason) => {
                const gone = here.indexOf(entered as Place);
                expect(gone, 'closed once, and only while it is here').toBeGreaterThanOrEqual(0);
                const [victim] = here.splice(gone, 1);
                if (victim?.node !== undefined) expect(reason).toBe('per-node');
              },
            },
            at,
          );
          expect(entered).toBeDefined();
          if (entered) here.push(entered);
        } else if (what === 'sweep') of.sweep(at);
        else if (place === undefined) continue;
        else if (what === 'shown') place.isHandshake = false;
        else if (what === 'begin') place.requests += 1;
        else if (what === 'end') place.requests = Math.max(0, place.requests - 1);
        else if (what === 'leave') {
          of.leave(place);
          here.splice(here.indexOf(place), 1);
        } else of.identified(place, `idc-${which}`, now);
        const strangers = here.filter(({ node }) => node === undefined);
        expect(of.strangers).toBe(strangers.length);
        expect(strangers.length).toBeLessThanOrEqual(limits.strangers);
        const perAddress = Map.groupBy(strangers, ({ address }) => address);
        for (const some of perAddress.values()) {
          expect(some.length).toBeLessThanOrEqual(limits.strangersPerAddress);
        }
        for (const [node = '', some] of Map.groupBy(here, ({ node }) => node)) {
          if (node === '') continue;
          expect(some.length).toBeLessThanOrEqual(limits.perNode);
          expect(of.connectionsOf(node)).toBe(some.length);
        }
      }
    }),
  );
});

test.each([
  ['10.0.0.1', '10.0.0.1'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
  ['2001:db8::6', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['', ''],
])('%s counts as %s', (address, counted) => {
  expect(network(address)).toBe(counted);
});
