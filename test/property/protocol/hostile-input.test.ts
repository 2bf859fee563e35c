// Every decoder of what a peer sends, on what a peer that means harm sends: out comes a value, the refusal
// that is its own, or a Fault; never another exception, never a defect, and in bounded time.
// Object.prototype is as before.
import { sign } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { Fault } from '../../../protocol/catalogue/fault.ts';
import { parseJson, peerDepthLimit } from '../../../protocol/json.ts';
import { decodeProbe, encodeProbe, isSigned } from '../../../protocol/line/probe.ts';
import { lineSessionSchema, parseTicket } from '../../../protocol/line/session.ts';
import { controlMessageSchema } from '../../../protocol/messages/control.ts';
import { desiredStateSchema } from '../../../protocol/messages/desired.ts';
import {
  drainResponseSchema,
  joinRequestSchema,
  joinResponseSchema,
  nodeStatusResponseSchema,
  renewRequestSchema,
  renewResponseSchema,
} from '../../../protocol/messages/join.ts';
import { openManifest, parseSignatures } from '../../../protocol/messages/manifest.ts';
import { readFromPeer } from '../../../protocol/messages/newer-peer.ts';
import { decodeAcknowledgement, encodeAcknowledgement } from '../../../protocol/telemetry/acknowledgement.ts';
import {
  batchFlag,
  batchHeaderBytes,
  decodeBatch,
  encodeBatchHeader,
} from '../../../protocol/telemetry/batch.ts';
import { descriptionRecord, encodeDescription } from '../../../protocol/telemetry/description.ts';
import { decodeDescription } from '../../../protocol/telemetry/description-schema.ts';
import { decodeHeartbeat, encodeHeartbeat } from '../../../protocol/telemetry/heartbeat.ts';
import { BatchPacker } from '../../../protocol/telemetry/packing.ts';
import { BatchUnpacker, UnpackingError } from '../../../protocol/telemetry/unpacking.ts';
import {
  agentHelloSchema,
  decodeJson,
  decodeOpen,
  decodeRefusal,
  gatewayHelloSchema,
} from '../../../protocol/tunnel/messages.ts';
import { desiredState } from '../../worlds/desired.ts';
import { testKey } from '../../worlds/signing.ts';
import { hostileBytes, hostileJson, patienceMs } from '../hostile-input.ts';

const runs = { numRuns: 400 };
const hex = (digit: string, length: number) => digit.repeat(length);

afterEach(() => {
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

/** Runs it; a Fault, and what `isRefusal` knows, may come out. */
function calmly(decode: () => unknown, isRefusal: (error: unknown) => boolean = () => false): void {
  const startedMs = performance.now();
  try {
    decode();
  } catch (error) {
    if (!(error instanceof Fault) && !isRefusal(error)) throw error;
  }
  expect(performance.now() - startedMs).toBeLessThan(patienceMs);
}

const facts = {
  machineId: hex('a', 32),
  hostname: 'idc-1',
  os: { id: 'tencentos', versionId: '2.4', prettyName: 'TencentOS Server 2.4' },
  kernelRelease: '4.14.105',
  architecture: 'amd64',
  addresses: ['10.77.0.11'],
  agentVersion: '0.1.0',
};
const artifact = {
  component: 'kubelet',
  version: '1.20.2',
  architecture: 'amd64',
  path: '/artifacts/kubelet-1.20.2-amd64.tar.gz',
  sizeBytes: 1,
  sha256: hex('1', 64),
};
const desired = {
  ...desiredState,
  labels: { a: 'b' },
  taints: [{ key: 'k', effect: 'NoSchedule' }],
  artifacts: [artifact],
};
const refusal = { code: 'POOL_FULL', values: { pool: 'idc', maxNodes: 2 } };
const report = {
  kind: 'report',
  phase: 'Running',
  revision: '1',
  versions: { kubelet: '1.20.2' },
  detail: '',
  health: [],
  upgrades: [{ component: 'kubelet', from: '1', to: '2', state: 'held', at: '2026-01-01T00:00:00Z' }],
  drift: [{ key: 'file /etc/x', reason: 'changed', repaired: true, at: '2026-01-01T00:00:00Z' }],
};
const signer = testKey();
const limits = { bytes: 64 * 1024, depth: peerDepthLimit };

/** As HTTP bodies and answers are read, on both ends. */
const body = (schema: Parameters<typeof readFromPeer>[0]) => (bytes: Buffer) => {
  const parsed = parseJson(bytes, limits);
  if (parsed.ok) return readFromPeer(schema, parsed.value);
  expect(parsed.why).not.toBe('');
  return parsed;
};

test.each<[string, unknown, (bytes: Buffer) => unknown]>([
  [
    'HELLO of an agent',
    { version: 1, instance: hex('b', 32), epoch: 1, session: '', received: 0 },
    (bytes) => decodeJson(agentHelloSchema, bytes, 'HELLO'),
  ],
  [
    'HELLO of a gateway',
    {
      version: 1,
      session: hex('c', 32),
      resumed: false,
      received: 0,
      resumeWindowMs: 1,
      packing: 1,
      gateway: 'g',
    },
    (bytes) => decodeJson(gatewayHelloSchema, bytes, 'HELLO'),
  ],
  ['OPEN', { target: 'kubelet', reason: 'test' }, decodeOpen],
  ['OPEN_ERR', refusal, decodeRefusal],
  ['CONTROL report', report, (bytes) => decodeJson(controlMessageSchema, bytes, 'CONTROL')],
  [
    'CONTROL desired',
    { kind: 'desired', desired },
    (bytes) => decodeJson(controlMessageSchema, bytes, 'CONTROL'),
  ],
  [
    'CONTROL leave',
    { kind: 'leave', reason: 'x' },
    (bytes) => decodeJson(controlMessageSchema, bytes, 'CONTROL'),
  ],
  [
    'CONTROL authority',
    { kind: 'authority', caPem: 'x' },
    (bytes) => decodeJson(controlMessageSchema, bytes, 'CONTROL'),
  ],
  [
    'a description',
    {
      family: 'disks',
      intervalMs: 1000,
      labels: { device: 'vda' },
      columns: [{ name: 'n', type: 'gauge', labels: { a: 'b' } }],
    },
    decodeDescription,
  ],
  [
    'a join',
    { protocolVersion: 1, token: 'rt-a.b', nodeName: 'idc-1', csrPem: 'x', facts },
    body(joinRequestSchema),
  ],
  ['a renewal', { csrPem: 'x' }, body(renewRequestSchema)],
  [
    'the answer to a join',
    {
      protocolVersion: 1,
      nodeName: 'idc-1',
      pool: 'idc',
      certificatePem: 'x',
      caPem: 'x',
      desired,
      bootstrap: { apiServerUrl: 'https://10.0.0.1', caPem: 'x', token: 'x' },
    },
    body(joinResponseSchema),
  ],
  ['the answer to a renewal', { certificatePem: 'x', caPem: 'x' }, body(renewResponseSchema)],
  [
    'the answer to a drain',
    { evictedPods: ['a/b'], remainingPods: [{ pod: 'a/c', reason: 'x' }] },
    body(drainResponseSchema),
  ],
  [
    'the status of a node',
    {
      nodeName: 'a',
      pool: 'b',
      registered: true,
      tunnelConnected: true,
      ready: 'True',
      readyMessage: '',
      unschedulable: false,
    },
    body(nodeStatusResponseSchema),
  ],
  ['the desired state', desired, body(desiredStateSchema)],
  [
    'a line session',
    {
      session: hex('a', 16),
      expiresAtSeconds: 1,
      lifetimeMs: 1,
      address: 'a',
      keys: [{ address: 'a', key: 'b' }],
      inboundPort: 1,
    },
    body(lineSessionSchema),
  ],
  [
    'a refusal over HTTP',
    { error: refusal },
    (bytes) => {
      const parsed = parseJson(bytes, limits);
      return Fault.inAnswer(parsed.ok ? parsed.value : undefined)?.explain('zh');
    },
  ],
  [
    'a manifest, rightly signed whatever is in it',
    {
      schema: 2,
      serial: 1,
      issuedAt: '2026-01-01T00:00:00Z',
      expiresAt: '2027-01-01T00:00:00Z',
      keys: [signer.pem],
      artifacts: [{ ...artifact, licence: 'x' }],
    },
    (bytes) => {
      const signatures = new Map([[signer.id, sign('sha256', bytes, signer.privateKey)]]);
      return openManifest({ bytes, signatures }, { keys: [signer.pem], serial: 0, nowMs: 0 });
    },
  ],
])('%s', (_what, valid, decode) => {
  fc.assert(
    fc.property(hostileJson(valid), (bytes) => calmly(() => decode(bytes))),
    runs,
  );
});

const heartbeat = encodeHeartbeat({
  sentAtMs: 1,
  uptimeSeconds: 1,
  load1: 1,
  cpuUsedRatio: 1,
  memoryTotalBytes: 1,
  memoryAvailableBytes: 1,
  diskFreeBytes: 1,
  kubeletHealthy: true,
  containerdHealthy: true,
  ring: { produced: 1, acknowledged: 1, pending: 0, lost: 0 },
});
const records = descriptionRecord(
  1,
  encodeDescription({
    family: 'disks',
    intervalMs: 1000,
    labels: {},
    columns: [{ name: 'n', type: 'gauge' }],
  }),
);
const batch = Buffer.concat([
  encodeBatchHeader(
    { epoch: 1, firstSequence: 1, count: 1, timeBaseMs: 1, flags: batchFlag.description },
    records,
  ),
  records,
]);
const packed = new BatchPacker().pack(batch.subarray(0, batchHeaderBytes), records);
if (packed === undefined) throw new Error('not packed');
const key = Buffer.alloc(32, 1);
const probe = encodeProbe(
  {
    kind: 'echo',
    session: hex('a', 16),
    expiresAtSeconds: 1,
    number: 1,
    sentAtMs: 1,
    receivedAtMs: 0,
    answeredAtMs: 0,
  },
  key,
);

test.each<[string, Uint8Array, (bytes: Buffer) => unknown, ((error: unknown) => boolean)?]>([
  ['TELE', batch, decodeBatch],
  [
    'TELE_PACKED',
    packed,
    (bytes) => {
      const unpacker = new BatchUnpacker();
      unpacker.unpack(packed);
      return decodeBatch(unpacker.unpack(bytes));
    },
    (error) => error instanceof UnpackingError,
  ],
  [
    'TELE_ACK',
    encodeAcknowledgement({ epoch: 1, nextSequence: 1, verdict: 'accepted', waitMs: 0 }),
    decodeAcknowledgement,
  ],
  ['a heartbeat', heartbeat, decodeHeartbeat],
  ['a line probe', probe, (bytes) => [decodeProbe(bytes), isSigned(bytes, key)]],
  [
    'a line ticket',
    Buffer.from(`${hex('a', 16)}.1.${hex('b', 64)}`),
    (bytes) => parseTicket(bytes.toString('latin1')),
  ],
  [
    'signatures',
    Buffer.from(`${hex('a', 64)} ${hex('A', 88)}==\n`),
    (bytes) => parseSignatures(bytes.toString()),
  ],
])('%s', (_what, valid, decode, isRefusal) => {
  fc.assert(
    fc.property(hostileBytes(valid), (bytes) => calmly(() => decode(bytes), isRefusal)),
    { numRuns: 2000 },
  );
});
