// When a certificate is renewed, as a function of the clock, and what becomes of an answer: on a host whose
// files and whose time are in memory.
import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { pino } from 'pino';
import { beforeAll, describe, expect, test } from 'vitest';
import { paths } from '../../../../agent/config/paths.ts';
import type { Host } from '../../../../agent/host/host.ts';
import { createKey } from '../../../../agent/identity/key.ts';
import { Renewal, type RenewalFacts, renewAtMs } from '../../../../agent/identity/renewal.ts';
import type { Identity } from '../../../../agent/identity/store.ts';
import { Fault } from '../../../../protocol/catalogue/fault.ts';
import { certify, newRoot, type TestRoot } from './certificates.ts';

const dayMs = 24 * 3600_000;
const start = Date.parse('2026-01-01T00:00:00Z');
const facts: RenewalFacts = {
  notBeforeMs: start,
  notAfterMs: start + 90 * dayMs,
  failures: 0,
  failedAtMs: 0,
  jitter: 0,
};

describe('when', () => {
  test.each<[string, Partial<RenewalFacts>, number]>([
    ['at two thirds of its life', {}, 60],
    ['a little before, by its jitter', { jitter: 0.5 }, 57.75],
    ['when the roots have changed', { rootChangedAtMs: start + 10 * dayMs }, 10],
    [
      'spread over an hour when they have',
      { rootChangedAtMs: start + 10 * dayMs, jitter: 0.5 },
      10 + 0.5 / 24,
    ],
    ['no later than due, when they change late', { rootChangedAtMs: start + 80 * dayMs }, 60],
  ])('%s', (_name, change, days) => {
    expect((renewAtMs({ ...facts, ...change }) - start) / dayMs).toBeCloseTo(days, 6);
  });

  test('after failures with growing pauses, an hour at most, and a minute at most once it has expired', () => {
    const pause = (failures: number, failedAtMs: number) =>
      renewAtMs({ ...facts, failures, failedAtMs, jitter: 0.999_999 }) - failedAtMs;
    const due = start + 60 * dayMs;
    expect([1, 2, 3, 4, 30].map((failures) => Math.round(pause(failures, due) / 1000))).toEqual([
      2, 4, 8, 16, 3600,
    ]);
    expect(Math.round(pause(30, start + 91 * dayMs) / 1000)).toBe(60);
  });

  test('whatever the numbers, a working gateway is asked before the end, and never sooner than half of the life', () => {
    const life = fc.integer({ min: 10_000, max: 400 * dayMs });
    const jitter = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(life, jitter, (lifeMs, drawn) => {
        const at = renewAtMs({ ...facts, notAfterMs: start + lifeMs, jitter: drawn });
        expect(at).toBeLessThan(start + lifeMs);
        expect(at).toBeGreaterThan(start + lifeMs / 2);
      }),
    );
  });
});

interface Scene {
  readonly host: Host;
  readonly written: Map<string, string>;
  readonly log: string[];
  readonly stop: AbortController;
  nowMs: number;
  /** undefined: the disk is good. */
  diskFault: Error | undefined;
}

/**
 * Sleeping is setting the clock, which goes an hour in a minute; after `untilMs` the agent is told to stop.
 */
function scene(nowMs: number, untilMs: number): Scene {
  const stop = new AbortController();
  const made: Scene = {
    nowMs,
    diskFault: undefined,
    written: new Map(),
    log: [],
    stop,
    host: {
      clock: {
        nowMs: () => made.nowMs,
        monotonicMs: () => made.nowMs,
        sleep: async (milliseconds: number) => {
          made.nowMs += milliseconds > 59_000 ? milliseconds * 60 : milliseconds;
          if (made.nowMs > untilMs) stop.abort();
        },
      },
      files: {
        write: async (path: string, content: string) => {
          if (made.diskFault) throw made.diskFault;
          made.written.set(path, content);
          made.log.push(`write ${path.split('/').at(-1)}`);
        },
      },
    } as unknown as Host,
  };
  return made;
}

function renewalOf(
  made: Scene,
  identity: Identity,
  renew: (csrPem: string) => Promise<{ certificatePem: string; caPem: string }>,
) {
  return new Renewal({
    host: made.host,
    nodeName: 'idc-1',
    identity,
    renew,
    onRenewed: () => made.log.push('renewed'),
    onTrust: ({ caPem }) => made.log.push(`trust ${caPem.split('BEGIN').length - 1}`),
    logger: pino({ level: 'silent' }),
    signal: made.stop.signal,
    random: () => 0,
  });
}

const issue = async (root: TestRoot, keyPem: string, fromMs: number, lifeMs = 90 * dayMs) =>
  certify(root, keyPem, fromMs, fromMs + lifeMs);

// Made once: keys are slow to make on a busy machine.
let root: TestRoot;
let keyPem: string;
beforeAll(async () => {
  root = await newRoot('A');
  keyPem = createKey();
});

describe('the agent', () => {
  test('a year of it: every certificate is renewed in time, on the disk before it is used', async () => {
    const made = scene(start, start + 365 * dayMs);
    const first = await issue(root, keyPem, start);
    const times: number[] = [];
    const renewal = renewalOf(made, { keyPem, certificatePem: first, caPem: root.pem }, async () => {
      times.push(Math.round((made.nowMs - start) / dayMs));
      return { certificatePem: await issue(root, keyPem, made.nowMs), caPem: root.pem };
    });
    await renewal.run();
    expect(times).toEqual([60, 120, 180, 240, 300, 360]);
    expect(made.log.slice(0, 3)).toEqual(['write ca.pem', 'write certificate.pem', 'renewed']);
  });

  test('off for 100 days: it asks at once, and goes on asking until the gateway is there', async () => {
    const made = scene(start + 100 * dayMs, start + 101 * dayMs);
    const identity = { keyPem, certificatePem: await issue(root, keyPem, start), caPem: root.pem };
    let asked = 0;
    const renewal = renewalOf(made, identity, async () => {
      asked += 1;
      if (asked < 5) throw new Fault('GATEWAY_UNREACHABLE', { url: 'https://g', detail: 'no route' });
      return { certificatePem: await issue(root, keyPem, made.nowMs), caPem: root.pem };
    });
    await renewal.run();
    expect(asked).toBe(5);
    expect(renewal.status).toMatchObject({ fault: '', expiresAt: expect.stringMatching(/^2026-07-10/) });
  });

  test.each([
    ['of another key', async () => issue(root, createKey(), start)],
    ['of another CA', async () => issue(await newRoot('A'), keyPem, start)],
  ])('a certificate %s is not taken', async (_name, other) => {
    const made = scene(start + 60 * dayMs, start + 60 * dayMs + 1000);
    const identity = { keyPem, certificatePem: await issue(root, keyPem, start), caPem: root.pem };
    const answer = { certificatePem: await other(), caPem: root.pem };
    const renewal = renewalOf(made, identity, async () => answer);
    await renewal.run();
    expect(made.written.size).toBe(0);
    expect(renewal.status.fault).toContain('PEER_ANSWER_UNKNOWN');
  });

  test('a full disk: the old certificate stays in use, and it is tried again', async () => {
    const made = scene(start + 60 * dayMs, start + 61 * dayMs);
    made.diskFault = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    const identity = { keyPem, certificatePem: await issue(root, keyPem, start), caPem: root.pem };
    let asked = 0;
    const renewal = renewalOf(made, identity, async () => {
      asked += 1;
      if (asked === 3) made.diskFault = undefined;
      return { certificatePem: await issue(root, keyPem, made.nowMs), caPem: root.pem };
    });
    await renewal.run();
    expect(asked).toBe(3);
    expect(made.log.at(-1)).toBe('renewed');
  });
});

describe('a gateway whose certificates do not last, or a clock that is ahead of it', () => {
  test.each([
    ['due when they come', 80 * dayMs, 90 * dayMs],
    ['over when they come', 100 * dayMs, 90 * dayMs],
    ['of no life at all', 0, 0],
    ['due a second later', 60 * dayMs - 1000, 90 * dayMs],
  ])(
    'certificates that are %s: the agent uses them, and asks ever more seldom',
    async (_name, ageMs, lifeMs) => {
      const made = scene(start + 80 * dayMs, start + 80 * dayMs + 3600_000);
      const identity = { keyPem, certificatePem: await issue(root, keyPem, start), caPem: root.pem };
      let asked = 0;
      const renewal = renewalOf(made, identity, async () => {
        asked += 1;
        if (asked === 2000) made.stop.abort();
        return { certificatePem: await issue(root, keyPem, made.nowMs - ageMs, lifeMs), caPem: root.pem };
      });
      await renewal.run();
      expect(made.log.filter((line) => line === 'renewed').length).toBe(asked);
      expect(asked).toBeGreaterThan(1);
      expect(asked).toBeLessThan(lifeMs === 0 ? 1000 : 100);
    },
  );

  test('a clock that is set right again is no reason to wait', async () => {
    const made = scene(start + 300 * dayMs, start + 400 * dayMs);
    const identity = { keyPem, certificatePem: await issue(root, keyPem, start), caPem: root.pem };
    const times: number[] = [];
    const renewal = renewalOf(made, identity, async () => {
      times.push((made.nowMs - start) / dayMs);
      const certificatePem = await issue(root, keyPem, start);
      // Ahead by 290 days until the first answer; then as the gateway's.
      if (times.length === 1) made.nowMs = start + 10 * dayMs;
      if (times.length === 2) made.stop.abort();
      return { certificatePem, caPem: root.pem };
    });
    await renewal.run();
    expect(times[1]).toBeCloseTo(60, 0);
  });
});

describe('other roots', () => {
  test('two bundles in turn, without end: five at once, then one a minute, and the last one is what stays', async () => {
    const next = await newRoot('B');
    const made = scene(start + dayMs, start + 10 * dayMs);
    const identity = { keyPem, certificatePem: await issue(root, keyPem, start), caPem: root.pem };
    const renewal = renewalOf(made, identity, () => Promise.reject(new Error('not asked')));
    const both = [root.pem + next.pem, next.pem + root.pem] as const;
    for (let turn = 0; turn < 40; turn++) await renewal.trust(both[turn % 2] ?? '');
    const changes = made.log.filter((line) => line.startsWith('trust')).length;
    expect(changes).toBeLessThanOrEqual(5 + (made.nowMs - start - dayMs) / 60_000);
    expect(changes).toBeGreaterThanOrEqual(5);
    expect(made.written.get(paths.authority)).toBe(both[1]);
  });

  test('are written down and used, and a certificate of the new one follows', async () => {
    const [old, next] = [root, await newRoot('B')];
    const made = scene(start + dayMs, start + dayMs + 2 * 3600_000);
    const identity = { keyPem, certificatePem: await issue(old, keyPem, start), caPem: old.pem };
    const both = next.pem + old.pem;
    const renewal = renewalOf(made, identity, async () => {
      return { certificatePem: await issue(next, keyPem, made.nowMs), caPem: both };
    });
    await renewal.trust(both);
    expect(made.written.get(paths.authority)).toBe(both);
    await renewal.run();
    expect(made.log.filter((line) => !line.startsWith('write'))).toEqual(['trust 2', 'renewed']);
    const written = new X509Certificate(made.written.get(paths.certificate) ?? '');
    expect(written.verify(new X509Certificate(next.pem).publicKey)).toBe(true);
  });

  test.each([
    ['of which none is known', async () => (await newRoot('B')).pem],
    ['that are none', async () => 'nonsense'],
    ['that are broken', async () => '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
  ])('%s are refused: they would lock the node out', async (_name, roots) => {
    const made = scene(start, start);
    const identity = { keyPem, certificatePem: await issue(root, keyPem, start), caPem: root.pem };
    const renewal = renewalOf(made, identity, () => Promise.reject(new Error('not asked')));
    await renewal.trust(await roots());
    expect(made.log).toEqual([]);
  });
});
