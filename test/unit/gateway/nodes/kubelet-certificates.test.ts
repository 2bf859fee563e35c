// Kubelets' certificates: approved for the right one, denied for who claims to be one of ours
// and isn't, left alone else.
import { beforeAll, describe, expect, test } from 'vitest';
import type { Claims } from '../../../../gateway/addresses/claims.ts';
import {
  type CertificateSigningRequest,
  certificateSigningRequests,
} from '../../../../gateway/kubernetes/kinds.ts';
import { bootstrapGroup } from '../../../../gateway/kubernetes/names.ts';
import {
  clientSigner,
  decideCertificate,
  servingSigner,
  writeDecision,
} from '../../../../gateway/nodes/kubelet-certificates.ts';
import { type AddressRange, parseRange } from '../../../../gateway/resources/address.ts';
import type { RegisteredNode } from '../../../../gateway/resources/registered-node.ts';
import {
  type Attribute,
  ExtensionsAttribute,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from '../../../../protocol/messages/x509.ts';
import { memoryKubernetes } from '../memory-kubernetes.ts';

type Names = ConstructorParameters<typeof SubjectAlternativeNameExtension>[0];
type Spec = CertificateSigningRequest['spec'];

let keys: Parameters<typeof Pkcs10CertificateRequestGenerator.create>[0] extends infer P ? P : never;
beforeAll(async () => {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  keys = { keys: pair, signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' } } as never;
});

async function csr(subject: string, spec: Partial<Spec>, names?: Names): Promise<CertificateSigningRequest> {
  const extensions = names ? [new SubjectAlternativeNameExtension(names)] : [];
  const request = await Pkcs10CertificateRequestGenerator.create({
    ...keys,
    name: subject,
    extensions,
  } as never);
  return {
    metadata: { name: 'csr-1' },
    spec: {
      request: Buffer.from(request.toString('pem')).toString('base64'),
      signerName: clientSigner,
      usages: ['digital signature', 'key encipherment', 'client auth'],
      ...spec,
    },
  };
}

const registered = async (name: string): Promise<RegisteredNode | undefined> =>
  name.startsWith('idc-')
    ? {
        metadata: { name },
        spec: { pool: 'idc', machineId: '', keySha256: '', addresses: ['10.77.0.11', 'fd00::11'] },
        status: { bootstrapTokenId: `tok${name.slice(-1)}`, joinedAt: '2026-01-01T00:00:00Z' },
      }
    : undefined;

const nobodys: Claims = { holders: () => [], ranges: [], domains: ['cluster.local'] };
const world = (find = registered, claims: Claims = nobodys) => ({
  registered: find,
  claims: async () => claims,
});

const base64 = (text: string) => Buffer.from(text).toString('base64');
const services = parseRange('10.77.0.0/28') as AddressRange;
const subject = (name: string) => `O=system:nodes, CN=system:node:${name}`;
const bootstrap = (id: string) => ({
  username: `system:bootstrap:${id}`,
  groups: ['system:bootstrappers', bootstrapGroup, 'system:authenticated'],
});
const node = (name: string) => ({ username: `system:node:${name}`, groups: ['system:nodes'] });
const serving = { signerName: servingSigner, usages: ['digital signature', 'server auth'] };
const own: Names = [
  { type: 'dns', value: 'idc-1' },
  { type: 'ip', value: '10.77.0.11' },
];

describe('approved', () => {
  test.each<[string, string, Partial<Spec>, Names?]>([
    ['the first client certificate, by its own bootstrap token', subject('idc-1'), bootstrap('tok1')],
    [
      'the same with the names of the subject the other way round',
      'CN=system:node:idc-1, O=system:nodes',
      bootstrap('tok1'),
    ],
    ['a renewal by the node itself', subject('idc-1'), node('idc-1')],
    [
      'a serving certificate for its name and address',
      subject('idc-1'),
      { ...node('idc-1'), ...serving },
      own,
    ],
    [
      'one for an IPv6 address',
      subject('idc-1'),
      { ...node('idc-1'), ...serving },
      [{ type: 'ip', value: 'fd00::11' }],
    ],
  ])('%s', async (_name, name, spec, names) => {
    const decision = await decideCertificate(await csr(name, spec, names), world());
    expect(decision).toEqual({ decision: 'approve', node: 'idc-1' });
  });
});

test('of a node of the cloud, beside a registration under which nobody has joined: left alone', async () => {
  const spec = { pool: 'idc', machineId: '', keySha256: '', addresses: [] };
  const byHand = async (name: string) => ({ metadata: { name }, spec });
  for (const request of [
    await csr(subject('cloud-1'), node('cloud-1')),
    await csr(subject('cloud-1'), { ...node('cloud-1'), ...serving }, [{ type: 'dns', value: 'cloud-1' }]),
  ])
    expect(await decideCertificate(request, world(byHand))).toEqual({ decision: 'ignore' });
});

describe('denied', () => {
  test.each<[string, string, Partial<Spec>, Names?]>([
    ["another node's bootstrap token", subject('idc-1'), bootstrap('tok2')],
    ['a bootstrap token for a node that is not registered', subject('cloud-1'), bootstrap('tok1')],
    ['a renewal under another name', subject('idc-2'), node('idc-1')],
    ['more than a node: system:masters', 'O=system:masters, CN=system:node:idc-1', bootstrap('tok1')],
    ['two organisations', 'O=system:nodes, O=system:masters, CN=system:node:idc-1', bootstrap('tok1')],
    ['no node at all', 'CN=admin', bootstrap('tok1')],
    [
      'a client certificate that could serve',
      subject('idc-1'),
      { ...bootstrap('tok1'), usages: ['server auth'] },
    ],
    ['a client certificate without usages', subject('idc-1'), { ...bootstrap('tok1'), usages: [] }],
    ['a client certificate with names', subject('idc-1'), bootstrap('tok1'), own],
    ['a serving certificate by bootstrap token', subject('idc-1'), { ...bootstrap('tok1'), ...serving }, own],
    ['a serving certificate for nothing', subject('idc-1'), { ...node('idc-1'), ...serving }],
    [
      'one for a foreign address',
      subject('idc-1'),
      { ...node('idc-1'), ...serving },
      [{ type: 'ip', value: '10.77.0.12' }],
    ],
    [
      'one for a foreign name',
      subject('idc-1'),
      { ...node('idc-1'), ...serving },
      [{ type: 'dns', value: 'kubernetes' }],
    ],
    [
      'one for a mail address',
      subject('idc-1'),
      { ...node('idc-1'), ...serving },
      [{ type: 'email', value: 'a@b.c' }],
    ],
    [
      'one that is a client too',
      subject('idc-1'),
      { ...node('idc-1'), ...serving, usages: ['client auth'] },
      own,
    ],
  ])('%s', async (_name, name, spec, names) => {
    const decision = await decideCertificate(await csr(name, spec, names), world());
    expect(decision).toMatchObject({ decision: 'deny', reason: expect.any(String) });
  });

  test.each<[string, Partial<Claims>]>([
    [
      'an address that somebody had before',
      { holders: (key) => (key === '10.77.0.11' ? [{ kind: 'Service', name: 'web/hook', sinceMs: 0 }] : []) },
    ],
    [
      'a name that somebody had before',
      { holders: (key) => (key === 'idc-1' ? [{ kind: 'Node', name: 'cloud-1', sinceMs: 0 }] : []) },
    ],
    [
      'an address among those of services',
      { ranges: [{ range: services, what: 'range of services', sinceMs: 0 }] },
    ],
  ])('%s, although it was registered with it', async (_name, claims) => {
    const request = await csr(subject('idc-1'), { ...node('idc-1'), ...serving }, own);
    const decision = await decideCertificate(request, world(registered, { ...nobodys, ...claims }));
    expect(decision).toMatchObject({ decision: 'deny', node: 'idc-1' });
  });

  const twice = async (...attributes: ((good: Attribute, bad: Attribute) => Attribute[])[]) => {
    const asked = (names: Names) => new ExtensionsAttribute([new SubjectAlternativeNameExtension(names)]);
    const [make] = attributes;
    const request = await Pkcs10CertificateRequestGenerator.create({
      ...keys,
      name: subject('idc-1'),
      attributes: make?.(asked(own), asked([{ type: 'dns', value: 'kubernetes' }])),
    } as never);
    return { ...node('idc-1'), ...serving, request: base64(request.toString('pem')) };
  };
  const forged = async (spec: Partial<Spec>) =>
    decideCertificate(await csr(subject('idc-1'), spec, own), world());

  test('an extension twice: old signers take the last one', async () => {
    const extensions = [own, [{ type: 'dns' as const, value: 'kubernetes' }]].map(
      (names) => new SubjectAlternativeNameExtension(names),
    );
    const both = await twice(() => [new ExtensionsAttribute(extensions)]);
    expect(await forged(both)).toMatchObject({ decision: 'deny', reason: expect.stringMatching(/one way/) });
  });

  test('an attribute twice', async () => {
    for (const order of [
      (good: Attribute, bad: Attribute) => [good, bad],
      (good: Attribute, bad: Attribute) => [bad, good],
    ])
      expect(await forged(await twice(order))).toMatchObject({ decision: 'deny' });
    expect(await forged(await twice((good) => [good]))).toMatchObject({ decision: 'approve' });
  });

  test('two blocks of PEM, or text around one', async () => {
    const good = (await csr(subject('idc-1'), {}, own)).spec.request;
    const pem = Buffer.from(good, 'base64').toString();
    for (const text of [
      `${pem}\n${pem}`,
      `x\n${pem}`,
      `${pem}\nx`,
      pem.replace('-----\n', '-----\nA: b\n\n'),
    ])
      expect(await forged({ ...node('idc-1'), ...serving, request: base64(text) })).toMatchObject({
        decision: 'deny',
      });
    const crlf = pem.replaceAll('\n', '\r\n');
    expect(await forged({ ...node('idc-1'), ...serving, request: base64(`${crlf}\r\n`) })).toMatchObject({
      decision: 'approve',
    });
  });

  test('what cannot be read', async () => {
    const broken = await csr(subject('idc-1'), { ...node('idc-1'), request: 'AAAA' });
    expect(await decideCertificate(broken, world())).toMatchObject({ decision: 'deny' });
  });

  test('one that is far longer than any kubelet makes', async () => {
    const own: Names = [
      { type: 'dns', value: 'idc-1' },
      ...Array.from({ length: 1000 }, () => ({ type: 'ip' as const, value: '10.77.0.11' })),
    ];
    const long = await csr(subject('idc-1'), { ...node('idc-1'), ...serving }, own);
    expect(await decideCertificate(long, world())).toMatchObject({
      decision: 'deny',
      reason: 'the request cannot be read, or in more than one way',
    });
  });

  test('a node that is being removed', async () => {
    const leaving = async (name: string) => {
      const found = await registered(name);
      return found && { ...found, metadata: { ...found.metadata, deletionTimestamp: 'now' } };
    };
    const renewal = await csr(subject('idc-1'), node('idc-1'));
    expect(await decideCertificate(renewal, world(leaving))).toMatchObject({ decision: 'deny' });
  });
});

describe("somebody else's business", () => {
  test.each<[string, Partial<Spec>]>([
    ['another signer', { ...bootstrap('tok1'), signerName: 'kubernetes.io/kube-apiserver-client' }],
    ['a person', { username: 'alice', groups: ['system:masters'] }],
    ['a cloud node that renews', node('cloud-1')],
    [
      'a bootstrap token of kubeadm',
      { username: 'system:bootstrap:abcdef', groups: ['system:bootstrappers:kubeadm'] },
    ],
  ])('%s', async (_name, spec) => {
    expect(await decideCertificate(await csr(subject('cloud-1'), spec), world())).toEqual({
      decision: 'ignore',
    });
  });

  test('what is decided already', async () => {
    const decided = {
      ...(await csr(subject('idc-1'), bootstrap('tok2'))),
      status: { conditions: [{ type: 'Approved' }] },
    };
    expect(await decideCertificate(decided, world())).toEqual({ decision: 'ignore' });
  });
});

test('a decision that somebody else was faster with is left', async () => {
  const kubernetes = memoryKubernetes();
  const created = await kubernetes.create(
    certificateSigningRequests,
    await csr(subject('idc-1'), bootstrap('tok1')),
  );
  await kubernetes.replace(certificateSigningRequests, { ...created, status: { certificate: 'x' } });
  await writeDecision(kubernetes, created, { decision: 'approve', node: 'idc-1' });
  expect(kubernetes.stored(certificateSigningRequests)[0]?.status).toEqual({ certificate: 'x' });
});
