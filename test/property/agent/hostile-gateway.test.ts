// A gateway that means harm: whatever it answers, sends through the tunnel, or leaves out, the agent tells no
// defect (test/setup/no-defects.ts), keeps within its bounds, and is there for a gateway that is well again.
import { once } from 'node:events';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { createGatewayApi } from '../../../agent/identity/gateway-api.ts';
import { createTunnel } from '../../../agent/tunnel/tunnel.ts';
import { TunnelHub } from '../../../gateway/tunnel/hub.ts';
import { Fault } from '../../../protocol/catalogue/fault.ts';
import { controlMessageSchema } from '../../../protocol/messages/control.ts';
import { encodeAcknowledgement } from '../../../protocol/telemetry/acknowledgement.ts';
import { FrameType } from '../../../protocol/tunnel/frame.ts';
import { offerSession } from '../../../protocol/tunnel/handshake.ts';
import { defaultLimits, subprotocol } from '../../../protocol/tunnel/limits.ts';
import { encodeJson } from '../../../protocol/tunnel/messages.ts';
import { Session } from '../../../protocol/tunnel/session.ts';
import { createAuthority, silent, until } from '../../unit/tunnel/loopback.ts';
import { desiredState } from '../../worlds/desired.ts';
import { hostileBytes, hostileJson } from '../hostile-input.ts';
import { encodeFrame } from '../tunnel/raw-peer.ts';
import { FakeClock, MemoryTransport } from '../tunnel/simulation.ts';

const hello = (more: object = {}) =>
  encodeFrame(
    FrameType.hello,
    0,
    0,
    encodeJson({
      version: 1,
      session: 'c'.repeat(32),
      resumed: false,
      received: 0,
      resumeWindowMs: 1000,
      ...more,
    }),
  );
const acknowledgement = encodeAcknowledgement({ epoch: 1, nextSequence: 1, verdict: 'accepted', waitMs: 0 });

/**
 * Of a size that its type allows: what the decoder refuses ends the session at once, and nothing is learnt.
 */
const framed = (type: number, stream: number, payload: fc.Arbitrary<Buffer>) =>
  fc
    .tuple(payload, fc.integer({ min: 0, max: 0xffff_ffff }))
    .map(([bytes, aux]) => encodeFrame(type, stream, aux, bytes));
const frames = fc.oneof(
  framed(FrameType.control, 0, hostileJson({ kind: 'desired', desired: desiredState })),
  framed(FrameType.control, 0, hostileJson({ kind: 'authority', caPem: 'x' })),
  framed(FrameType.control, 0, hostileJson({ kind: 'of a later release', more: [1] })),
  framed(FrameType.open, 1, hostileJson({ target: 'kubelet', reason: 'x' })),
  framed(FrameType.openErr, 2, hostileJson({ code: 'POOL_FULL', values: { pool: 'idc' } })),
  framed(FrameType.telemetryAck, 0, hostileBytes(acknowledgement)),
  framed(FrameType.drain, 0, fc.constant(Buffer.alloc(0))),
  framed(FrameType.hello, 0, hostileJson({ version: 1 })),
  hostileBytes(hello()),
);

test('frames of every kind: one violation ends the session, what is delivered is as agreed', () => {
  fc.assert(
    fc.property(fc.array(frames, { minLength: 1, maxLength: 12 }), (sent) => {
      const clock = new FakeClock();
      const near = new MemoryTransport(clock);
      const far = new MemoryTransport(clock);
      near.peer = far;
      far.peer = near;
      far.listen({ message() {}, shortMessage() {}, broken() {}, drained() {}, closed() {} });
      let violations = 0;
      const session = new Session({
        role: 'agent',
        clock,
        limits: defaultLimits,
        onOffer: (stream) => stream.accept(),
        onViolation: () => {
          violations += 1;
        },
      });
      session.onControl((message) => expect(controlMessageSchema.safeParse(message).success).toBe(true));
      offerSession(
        near,
        session,
        { instance: 'b'.repeat(32), epoch: 1 },
        { clock, limits: defaultLimits },
        () => {},
      );
      far.send([hello()]);
      far.deliver();
      expect(session.state).toBe('Open');
      for (const frame of sent) {
        far.send([frame]);
        far.deliver();
      }
      for (let moved = true; moved; ) moved = clock.settle() || near.deliver();
      expect(violations).toBeLessThanOrEqual(defaultLimits.violations + 1);
    }),
    { numRuns: 500 },
  );
});

interface Served {
  readonly url: string;
  readonly caPem: string;
  readonly identity: { readonly certificatePem: string; readonly keyPem: string };
  readonly server: https.Server;
}

const undo: (() => unknown)[] = [];
afterAll(async () => {
  for (const step of undo.reverse()) await step();
});

async function serve(): Promise<Served> {
  const authority = await createAuthority();
  const { certificatePem, keyPem } = await authority.issue('gateway');
  const server = https.createServer({
    cert: certificatePem,
    key: keyPem,
    ca: authority.caPem,
    requestCert: true,
  });
  server.on('connection', (socket) => socket.on('error', () => {}));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  undo.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, caPem: authority.caPem, identity: await authority.issue('idc-1'), server };
}

const refusal = (status: string, body: string) => (_: unknown, socket: Socket) =>
  void socket.end(`HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
const deep = `${'['.repeat(12_000)}${']'.repeat(12_000)}`;
type Welcome = (request: import('node:http').IncomingMessage, socket: Socket, head: Buffer) => void;
const upgrades = new WebSocketServer({ noServer: true, handleProtocols: () => subprotocol });
const welcomed =
  (say: (websocket: WebSocket, socket: Socket) => void): Welcome =>
  (request, socket, head) =>
    upgrades.handleUpgrade(request, socket, head, (websocket) => {
      websocket.on('error', () => {});
      say(websocket, socket);
    });
/** Long enough for the agent to have read what was sent. */
const thenGone = (websocket: WebSocket) => setTimeout(() => websocket.terminate(), 300);

describe('the first connection is harm, the next one is well', () => {
  let served: Served;
  let welcome: Welcome | undefined;
  const hub = new TunnelHub({ logger: silent, connectionsPerMinute: 10_000 });
  beforeAll(async () => {
    served = await serve();
    served.server.on('upgrade', (request, socket, head) => {
      const first = welcome;
      welcome = undefined;
      if (first) first(request, socket as Socket, head);
      else hub.handleUpgrade(request, socket, head, { name: 'idc-1', pool: 'idc' });
    });
    undo.push(() => hub.shutdown());
  });

  test.each<[string, Welcome]>([
    ['no HTTP at all', (_, socket) => void socket.end(Buffer.alloc(4096, 0xff))],
    ['an end without a word', (_, socket) => void socket.destroy()],
    ['nothing, for ever', () => {}],
    ['headers without end', (_, socket) => void socket.write(`HTTP/1.1 101 x\r\na: ${'x'.repeat(1 << 20)}`)],
    ['a deep refusal', refusal('403 Forbidden', deep)],
    [
      'values that are no texts',
      refusal('409 x', '{"error":{"code":"POOL_FULL","values":{"pool":{"toString":1}}}}'),
    ],
    [
      'a refusal without end',
      (_, socket) => void socket.write(`HTTP/1.1 500 x\r\n\r\n${'x'.repeat(1 << 20)}`),
    ],
    ['a way to elsewhere', refusal('302 Found\r\nLocation: file:///etc/passwd', '')],
    ['101 that was not asked for', refusal('101 Switching Protocols', '')],
    ['a broken websocket', welcomed((_, socket) => void socket.end(Buffer.alloc(64, 0xff)))],
    ['text', welcomed((websocket) => websocket.send('text'))],
    [
      'a deep HELLO',
      welcomed((websocket) =>
        websocket.send(encodeFrame(FrameType.hello, 0, 0, Buffer.from('['.repeat(4000)))),
      ),
    ],
    ['a session that was not asked for', welcomed((websocket) => websocket.send(hello({ resumed: true })))],
    [
      'a deep desired state',
      welcomed((websocket) => {
        websocket.send(hello());
        websocket.send(
          encodeFrame(FrameType.control, 0, 0, Buffer.from(`{"kind":"desired","desired":${deep}}`)),
        );
      }),
    ],
    [
      'ten thousand drains, fifty days ahead each',
      welcomed((websocket) => {
        websocket.send(hello());
        for (let count = 0; count < 10_000; count += 1)
          websocket.send(encodeFrame(FrameType.drain, 0, 0xffff_ffff));
        thenGone(websocket);
      }),
    ],
    [
      'twenty thousand streams to nowhere',
      welcomed((websocket) => {
        websocket.send(hello());
        const open = encodeJson({ target: 'kubelet', reason: 'x' });
        for (let count = 0; count < 20_000; count += 1)
          websocket.send(encodeFrame(FrameType.open, 1 + 2 * count, 1000, open));
        thenGone(websocket);
      }),
    ],
  ])('%s', async (_what, first) => {
    welcome = first;
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const stop = new AbortController();
    const tunnel = createTunnel({
      url: served.url,
      caPem: served.caPem,
      ...served.identity,
      resolveTarget: () => undefined,
      audit: () => {},
      logger: silent,
      signal: stop.signal,
      limits: { upgradeTimeoutMs: 1000, helloTimeoutMs: 1000, resumeWindowMs: 2000 },
      environment: {},
    });
    tunnel.connect();
    const isWell = () => hub.session('idc-1')?.state === 'Open' && tunnel.state === 'Open';
    await until(() => welcome === undefined && isWell(), 60_000);
    expect(timers() - before).toBeLessThan(100);
    stop.abort();
    await until(() => hub.session('idc-1') === undefined, 60_000);
  });
});

test('answers over HTTPS: a value that is as agreed, or a Fault', async () => {
  const served = await serve();
  let answer: { status: number; body: Buffer } = { status: 200, body: Buffer.alloc(0) };
  served.server.on('request', (request, response) => {
    request.resume();
    response.writeHead(answer.status).end(answer.body);
  });
  const api = createGatewayApi({ url: served.url, caPem: served.caPem, ...served.identity, environment: {} });
  undo.push(() => api.close());
  const calls = {
    desired: [() => api.desired(), desiredState],
    renew: [() => api.renew('x'), { certificatePem: 'x', caPem: 'x' }],
    drain: [() => api.drain(), { evictedPods: ['a/b'], remainingPods: [{ pod: 'a/c', reason: 'x' }] }],
    deregister: [() => api.deregister(), {}],
    refused: [() => api.status(), { error: { code: 'NODE_NOT_REGISTERED', values: { name: 'idc-1' } } }],
  } as const;
  for (const [call, valid] of Object.values(calls)) {
    await fc.assert(
      fc.asyncProperty(hostileJson(valid), fc.constantFrom(200, 403, 500), async (body, status) => {
        answer = { status, body };
        try {
          await call();
        } catch (error) {
          expect(error).toBeInstanceOf(Fault);
          expect((error as Fault).explain('zh').message.length).toBeLessThan(20_000);
        }
      }),
      { numRuns: 60 },
    );
  }
});
