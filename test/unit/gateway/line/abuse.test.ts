// That nobody can use line probes against somebody else: what is not signed for the address that it comes
// from gets nothing, an answer is never larger than its request, rates hold by address and in total, and
// source and sink want a ticket.

import { createHmac } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { lineLimits } from '../../../../gateway/line/limits.ts';
import { LineSessions } from '../../../../gateway/line/sessions.ts';
import { Transfers } from '../../../../gateway/line/transfers.ts';
import { Echo, openProbePort, type ProbeOutcome } from '../../../../gateway/line/udp-port.ts';
import {
  decodeProbe,
  encodeProbe,
  isSigned,
  type Probe,
  type ProbeKind,
  probeHeadBytes,
  probeKinds,
} from '../../../../protocol/line/probe.ts';
import { lineTicket } from '../../../../protocol/line/session.ts';

const host = '10.77.0.11';
const victim = '10.77.0.99';
const secret = Buffer.alloc(32, 7);

function world() {
  let now = 1_700_000_000_000;
  const counted: ProbeOutcome[] = [];
  const sessions = new LineSessions({
    secret: () => secret,
    udpPort: () => 8472,
    inboundPort: 8472,
    now: () => now,
  });
  const echo = new Echo({
    keyFor: (...of) => sessions.keyFor(...of),
    inboundPort: 8472,
    count: (outcome) => counted.push(outcome),
    now: () => now,
  });
  const session = sessions.open(host);
  const key = Buffer.from(session.keys[0]?.key ?? '', 'base64');
  const probe = (kind: ProbeKind, more: Partial<Probe> = {}): Probe => ({
    kind,
    session: session.session,
    expiresAtSeconds: session.expiresAtSeconds,
    number: 1,
    sentAtMs: now,
    receivedAtMs: 0,
    answeredAtMs: 0,
    ...more,
  });
  const ask = (bytes: Buffer, address = host, port = 5000) => echo.answer(bytes, { address, port });
  const pass = (milliseconds: number) => {
    now += milliseconds;
  };
  return { sessions, session, key, probe, ask, pass, counted, echo };
}

test('who has a network of IPv6 has the sessions of one address; another network has its own', () => {
  const { sessions } = world();
  for (let count = 0; count < lineLimits.sessions.burst; count++) sessions.open(`2001:db8::${count}`);
  expect(() => sessions.open('2001:db8::ffff')).toThrow(expect.objectContaining({ code: 'LINE_BUSY' }));
  sessions.open('2001:db8:0:1::1');
});

describe('a datagram', () => {
  test('that is right is answered with the times, to where it came from', () => {
    const { ask, probe, key } = world();
    const answer = ask(encodeProbe(probe('echo'), key));
    expect(answer?.port).toBe(5000);
    expect(decodeProbe(answer?.bytes ?? Buffer.alloc(0))).toMatchObject({
      kind: 'answer',
      receivedAtMs: 1_700_000_000_000,
    });
    expect(isSigned(answer?.bytes ?? Buffer.alloc(0), key)).toBe(true);
  });

  test('that claims another address gets nothing: the victim is sent no byte', () => {
    const { ask, probe, key, counted } = world();
    for (const kind of probeKinds) expect(ask(encodeProbe(probe(kind), key, 1400), victim)).toBeUndefined();
    expect(new Set(counted)).toEqual(new Set(['unsigned', 'malformed']));
  });

  test('of a session that is over, or that claims to last for ever, gets nothing', () => {
    const { ask, probe, key, pass, counted } = world();
    const forEver = probe('echo', { expiresAtSeconds: 4_000_000_000 });
    expect(ask(encodeProbe(forEver, key))).toBeUndefined();
    pass(lineLimits.strangerSessionMs + 1000);
    expect(ask(encodeProbe(probe('echo'), key))).toBeUndefined();
    expect(counted).toEqual(['expired', 'expired']);
  });

  test('with a longer life written into it gets nothing: the key says how long', () => {
    const { ask, probe, key, counted } = world();
    const { expiresAtSeconds } = probe('echo');
    expect(ask(encodeProbe(probe('echo', { expiresAtSeconds: expiresAtSeconds + 60 }), key))).toBeUndefined();
    expect(counted).toEqual(['unsigned']);
  });

  test('that is an answer is no question: two gateways never talk to each other', () => {
    const { ask, probe, key } = world();
    expect(ask(encodeProbe(probe('answer'), key))).toBeUndefined();
  });

  test('inbound is answered to the VXLAN port and to no other', () => {
    const { ask, probe, key } = world();
    expect(ask(encodeProbe(probe('inbound'), key), host, 53)?.port).toBe(8472);
  });

  test('one that is anything at all is never answered by more bytes than it has', () => {
    const { ask, probe, key, pass } = world();
    const signed = fc
      .tuple(fc.constantFrom(...probeKinds), fc.integer({ min: 0, max: 2000 }))
      .map(([kind, length]) => encodeProbe(probe(kind), key, length));
    const damaged = fc
      .tuple(signed, fc.nat(55), fc.integer({ min: 1, max: 255 }))
      .map(([bytes, at, flip]) => {
        const copy = Buffer.from(bytes);
        copy[at] = (copy[at] ?? 0) ^ flip;
        return copy;
      });
    const anything = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    const cut = fc.tuple(signed, fc.nat(100)).map(([bytes, length]) => bytes.subarray(0, length));
    fc.assert(
      fc.property(fc.oneof(signed, damaged, anything, cut), (bytes) => {
        pass(50);
        const answer = ask(bytes);
        expect(answer?.bytes.length ?? 0).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 2000 },
    );
  });

  test('whose head was changed in any bit is not answered', () => {
    const { ask, probe, key } = world();
    const bytes = encodeProbe(probe('echo'), key);
    for (let bit = 0; bit < probeHeadBytes * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      // The last eight bytes are the signature, everything before is signed.
      expect(ask(changed), `bit ${bit}`).toBeUndefined();
    }
  });
});

describe('rates', () => {
  test('of one address: the burst, then so many a second', () => {
    const { ask, probe, key, pass, counted } = world();
    const bytes = encodeProbe(probe('echo'), key);
    const answers = (count: number) =>
      Array.from({ length: count }, () => ask(bytes)).filter((answer) => answer !== undefined).length;
    expect(answers(5000)).toBe(lineLimits.datagrams.burst);
    expect(counted.at(-1)).toBe('address-rate');
    pass(1000);
    expect(answers(5000)).toBe(lineLimits.datagrams.perSecond);
  });

  test('what is spoofed takes nothing from the address that it names', () => {
    const { ask, probe, key } = world();
    const forged = encodeProbe(probe('echo'), Buffer.alloc(32, 1));
    for (let count = 0; count < 5000; count++) ask(forged);
    expect(ask(encodeProbe(probe('echo'), key))).toBeDefined();
  });

  test('of all together, counted before any signature', () => {
    const { ask, counted } = world();
    for (let count = 0; count < lineLimits.totalDatagrams.burst + 100; count++) ask(Buffer.alloc(60));
    expect(counted.filter((outcome) => outcome === 'total-rate')).toHaveLength(100);
  });

  test('of the bytes of all answers', () => {
    const { sessions, echo } = world();
    let bytes = 0;
    for (let number = 0; number < 400; number++) {
      const address = `10.0.${number >> 8}.${number & 255}`;
      const { session, expiresAtSeconds, keys } = sessions.open(address);
      const key = Buffer.from(keys[0]?.key ?? '', 'base64');
      const probe = {
        kind: 'full',
        session,
        expiresAtSeconds,
        number,
        sentAtMs: 0,
        receivedAtMs: 0,
        answeredAtMs: 0,
      } as const;
      const large = encodeProbe(probe, key, 60_000);
      bytes += echo.answer(large, { address, port: 1 })?.bytes.length ?? 0;
    }
    expect(bytes).toBeLessThanOrEqual(lineLimits.totalAnswerBytes.burst);
    expect(bytes).toBeGreaterThan(lineLimits.totalAnswerBytes.burst * 0.9);
  });

  test('of sessions of one address', () => {
    const { sessions, pass } = world();
    for (let count = 0; count < lineLimits.sessions.burst; count++) sessions.open(victim);
    expect(() => sessions.open(victim)).toThrow('too much was asked');
    sessions.open(host);
    pass(1000 / lineLimits.sessions.perSecond);
    sessions.open(victim);
  });
});

describe('tickets', () => {
  const ticketOf = (of: ReturnType<typeof world>) =>
    lineTicket(of.session.session, of.session.expiresAtSeconds, of.key);

  test('are good for the address of the session alone, and for as long as it lasts', () => {
    const at = world();
    expect(at.sessions.isTicketOf(host, ticketOf(at))).toBe(true);
    expect(at.sessions.isTicketOf(victim, ticketOf(at))).toBe(false);
    at.pass(lineLimits.strangerSessionMs + 1000);
    expect(at.sessions.isTicketOf(host, ticketOf(at))).toBe(false);
  });

  test('that are no tickets are refused', () => {
    const { sessions, session } = world();
    const mac = createHmac('sha256', 'x').update('y').digest('hex');
    for (const text of [
      undefined,
      '',
      '..',
      `${session.session}.${session.expiresAtSeconds}.${mac}`,
      'x'.repeat(9999),
    ]) {
      expect(sessions.isTicketOf(host, text)).toBe(false);
    }
  });

  test('a node may probe from its registered addresses', () => {
    const { sessions } = world();
    const { keys, session, expiresAtSeconds } = sessions.open('10.0.0.1', {
      name: 'idc-1',
      addresses: [host],
    });
    expect(keys.map(({ address }) => address)).toEqual(['10.0.0.1', host]);
    expect(sessions.keyFor(session, expiresAtSeconds, host)?.toString()).toBe(
      Buffer.from(keys[1]?.key ?? '', 'base64').toString(),
    );
  });
});

describe('source and sink', () => {
  const request = (bytes: number) => {
    const stream = new PassThrough();
    stream.end(Buffer.alloc(bytes));
    return stream as never;
  };

  test('take no more than was said, and no more than an address may', async () => {
    let now = 0;
    const transfers = new Transfers(() => now);
    await expect(transfers.sink(host, 100, request(101))).rejects.toMatchObject({
      code: 'REQUEST_TOO_LARGE',
    });
    await expect(transfers.sink(host, 1e9, request(1))).rejects.toMatchObject({ code: 'REQUEST_TOO_LARGE' });
    await expect(transfers.sink(host, Number.NaN, request(1))).rejects.toMatchObject({
      code: 'REQUEST_TOO_LARGE',
    });
    await expect(transfers.sink(host, 100, request(100))).resolves.toMatchObject({ bytes: 100 });
    for (let count = 0; count < 3; count++) await transfers.sink(victim, 16 * 1024 ** 2, request(10));
    await transfers.sink(victim, 16 * 1024 ** 2, request(10));
    await expect(transfers.sink(victim, 16 * 1024 ** 2, request(10))).rejects.toMatchObject({
      code: 'LINE_BUSY',
    });
    now += 60_000;
    await transfers.sink(victim, 16 * 1024 ** 2, request(10));
  });

  test('run so many at once, of one address fewer, and a place is free again when its peer has gone', async () => {
    const transfers = new Transfers(Date.now);
    const open: PassThrough[] = [];
    const begin = (address: string) => {
      const stream = new PassThrough();
      open.push(stream);
      return transfers.sink(address, 100, stream as never);
    };
    const running = [begin(victim), begin(victim)];
    await expect(transfers.sink(victim, 100, request(1))).rejects.toMatchObject({ code: 'LINE_BUSY' });
    for (let number = 2; number < lineLimits.transfersAtOnce; number++)
      running.push(begin(`10.0.0.${number}`));
    await expect(transfers.sink(host, 100, request(1))).rejects.toMatchObject({ code: 'LINE_BUSY' });
    for (const stream of open) stream.destroy(new Error('gone'));
    await Promise.allSettled(running);
    expect(transfers.running).toBe(0);
    await transfers.sink(host, 100, request(1));
  });
});

test('the port itself answers what is right and nothing else', async () => {
  const { sessions } = world();
  const live = new LineSessions({ secret: () => secret, udpPort: () => 1, inboundPort: 8472, now: Date.now });
  const port = await openProbePort({
    listen: { host: '127.0.0.1', port: 0 },
    keyFor: (...of) => live.keyFor(...of),
    inboundPort: 8472,
    count: () => {},
    now: Date.now,
    logger: pino({ level: 'silent' }),
  });
  const socket = createSocket('udp4');
  const received: Buffer[] = [];
  socket.on('message', (bytes) => received.push(bytes));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  try {
    const { session, expiresAtSeconds, keys } = live.open('127.0.0.1');
    const key = Buffer.from(keys[0]?.key ?? '', 'base64');
    const foreign = sessions.open('127.0.0.1');
    const probe = {
      kind: 'full',
      session,
      expiresAtSeconds,
      number: 1,
      sentAtMs: 1,
      receivedAtMs: 0,
      answeredAtMs: 0,
    } as const;
    const wrong = [
      Buffer.from('hello'),
      Buffer.alloc(1400),
      encodeProbe({ ...probe, session: foreign.session }, key, 1400),
      encodeProbe(probe, Buffer.alloc(32), 1400),
    ];
    for (const bytes of wrong) socket.send(bytes, port.port, '127.0.0.1');
    // In order on loopback: when this one is answered, the others were seen before.
    socket.send(encodeProbe({ ...probe, number: 2 }, key, 1000), port.port, '127.0.0.1');
    await expect.poll(() => received.length, { timeout: 10_000 }).toBe(1);
    expect(received[0]?.length).toBe(1000);
    expect(decodeProbe(received[0] ?? Buffer.alloc(0))?.number).toBe(2);
  } finally {
    socket.close();
    await port.close();
  }
});
