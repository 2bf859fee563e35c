// A hostile host with a good token that wants to be somebody else, beside a real host with a pod: a
// Service, the API server, the other node. It is refused at the join, its certificates are denied, and
// whatever its registration and its Node say, nothing that is meant for others comes through its tunnel. A
// name is not taken by a machine id.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { namespaceName } from '../../scripts/sandbox/namespaces.ts';
import { runPod } from '../../scripts/sandbox/pod.ts';
import { startJoinedSandbox } from '../../scripts/sandbox/ready.ts';
import { kubectl, poolName, regnodectl } from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';
import { GatewayView } from './peers/gateway-view.ts';
import type { Attempted, ImpostorOrder } from './peers/impostor.ts';
import type { Stated } from './peers/joining.ts';
import {
  certificateRequest,
  decisionOn,
  kubectlAs,
  type RequestedNames,
  signedCertificate,
} from './peers/kubelet-requests.ts';
import { Peer } from './peers/peer.ts';

const victim = 'idc-1';
let sandbox: Sandbox;
let gateway: GatewayView;
let impostor: Peer;
/** Its own address, and those that it wants. */
let own: string;
let stolen: Readonly<Record<'service' | 'node' | 'apiServer', string>>;
let bootstrapToken: string;
/** Credentials of its kubelet. */
let kubelet: object;

beforeAll(async () => {
  const joined = await startJoinedSandbox({ name: 'e2e-impersonation' });
  sandbox = joined.sandbox;
  gateway = new GatewayView(sandbox);
  const [hostile] = await Promise.all([
    sandbox.addHost({ name: 'hostile' }),
    runPod(sandbox, 'talker', victim),
    kubectl(sandbox, ['create', 'service', 'clusterip', 'hook', '--tcp=443:443']),
    kubectl(sandbox, ['create', 'service', 'externalname', 'away', '--external-name=hooks.example.com']),
  ]);
  const clusterIp = ['get', 'service', 'hook', '-o', 'jsonpath={.spec.clusterIP}'];
  own = hostile.address;
  stolen = {
    service: await kubectl(sandbox, clusterIp),
    node: joined.host.address,
    apiServer: sandbox.cloud.address,
  };
  impostor = new Peer(sandbox, './impostor.ts', namespaceName(sandbox.id, 'hostile'));
});
afterAll(async () => {
  await impostor?.stop();
  await sandbox?.stop();
});

async function attempt(name: string, stated: Stated = {}): Promise<Attempted> {
  const made = await regnodectl(sandbox, ['token', 'create', '--pool', poolName, '--json']);
  const { token } = JSON.parse(made) as { token: string };
  const way = { url: sandbox.cloud.gatewayUrl, token };
  const order: ImpostorOrder = { kind: 'join', name, addresses: [own], ...way, ...stated };
  return impostor.ask<Attempted>(order);
}

const received = () => impostor.ask<number>({ kind: 'received' });
const registered = async () =>
  (await kubectl(sandbox, ['get', 'registerednodes', '-o', 'name'])).trim().split('\n');

test('a join with the address of a Service, a node or the API server is refused, also inside the ranges of the pool', async () => {
  for (const address of Object.values(stolen)) {
    expect(await attempt('hostile', { addresses: [address, own] }), address).toMatchObject({
      ...{ status: 403, code: 'ADDRESS_NOT_OWNED' },
      detail: expect.stringContaining(`the connection came from ${own}`),
    });
  }
  await regnodectl(sandbox, ['pool', 'set', poolName, '--node-cidr', '10.0.0.0/8']);
  const details: readonly (readonly [string, RegExp])[] = [
    [stolen.service, /services|Service default\/hook/],
    [stolen.node, /RegisteredNode idc-1/],
    [stolen.apiServer, /API server/],
  ];
  for (const [address, detail] of details) {
    const answer = await attempt('hostile', { addresses: [address] });
    expect(answer).toMatchObject({ code: 'ADDRESS_NOT_OWNED', detail: expect.stringMatching(detail) });
  }
  expect(await registered()).toEqual([`registerednode.regnode.io/${victim}`]);
});

test('a join with the name of a Service, or of a node that is there, is refused', async () => {
  // The API server dials the last one for a webhook at the Service "away".
  for (const name of [
    ...['hook.default.svc', 'hook.default', 'kubernetes', 'a.cluster.local', stolen.service],
    'hooks.example.com',
  ])
    expect((await attempt(name)).code, name).toBe('NODE_NAME_RESERVED');
  expect((await attempt(victim)).code).toBe('NODE_NAME_TAKEN');
  const spec = ['get', 'registerednode', victim, '-o', 'jsonpath={.spec.machineId}'];
  const machineId = await kubectl(sandbox, spec);
  expect((await attempt(victim, { machineId })).code, 'it is connected').toBe('NODE_CONNECTED');
});

test('a name whose node is away is not taken by its machine id; after readmit it is, once', async () => {
  expect(await attempt('away')).toMatchObject({ status: 200 });
  expect(await attempt('away')).toMatchObject({ status: 409, code: 'NODE_KEY_UNKNOWN' });
  await regnodectl(sandbox, ['node', 'readmit', 'away', '--ttl', '10m']);
  expect(await attempt('away')).toMatchObject({ status: 200 });
  expect(await attempt('away')).toMatchObject({ status: 409, code: 'NODE_KEY_UNKNOWN' });
  const audited = async () => (await gateway.audited('readmission')).some(({ node }) => node === 'away');
  await waitFor('the audit of it', audited, { timeoutMs: 20_000 });
  const used = (await gateway.audited('join')).filter(({ readmitted }) => readmitted === true);
  expect(used).toMatchObject([{ node: 'away', outcome: 'accepted' }]);
  await regnodectl(sandbox, ['node', 'remove', 'away', '--force']);
});

test('a host under its own name has its own address; what it stated besides is left out and audited', async () => {
  const addresses = [own, ...Object.values(stolen)];
  const answer = await attempt('hostile', { addresses });
  expect(answer).toMatchObject({ status: 200 });
  bootstrapToken = answer.bootstrapToken ?? '';
  await impostor.ask({ kind: 'tunnel', name: 'hostile', url: sandbox.cloud.gatewayUrl });
  const path = 'jsonpath={.spec.addresses}';
  const kept = await kubectl(sandbox, ['get', 'registerednode', 'hostile', '-o', path]);
  expect(JSON.parse(kept)).toEqual([own]);
  const [joined] = (await gateway.audited('join')).filter(({ node, outcome }) => {
    return node === 'hostile' && outcome === 'accepted';
  });
  const leftOut = joined?.leftOut as readonly { address: string }[];
  expect(leftOut.map(({ address }) => address)).toEqual(Object.values(stolen));
});

/**
 * As a gateway of an earlier release wrote it down: the attacks below are against its
 * certificates and its routes.
 */
async function registerAsBefore(): Promise<void> {
  const spec = { addresses: [own, ...Object.values(stolen)] };
  await kubectl(sandbox, [
    ...['patch', 'registerednode', 'hostile', '--type', 'merge', '-p', JSON.stringify({ spec })],
  ]);
  const isTold = async () => {
    const path = 'jsonpath={.status.conditions[?(@.type=="AddressesOwned")].message}';
    const said = await kubectl(sandbox, ['get', 'registerednode', 'hostile', '-o', path]);
    return Object.values(stolen).every((address) => said.includes(address));
  };
  await waitFor('the condition AddressesOwned', isTold, { timeoutMs: 30_000, intervalMs: 300 });
}

test('a serving certificate for others is denied, also when they stand in its registration', async () => {
  const mine = await certificateRequest('hostile-client', 'hostile');
  const create = ['create', '-f', '-'];
  const asked = await kubectlAs(sandbox, 'hostile-boot', { token: bootstrapToken }, create, mine.manifest);
  expect(asked, asked.stderr).toMatchObject({ exitCode: 0 });
  expect(await decisionOn(sandbox, 'hostile-client')).toMatch(/^Approved /);
  kubelet = {
    'client-certificate-data': await signedCertificate(sandbox, 'hostile-client'),
    'client-key-data': Buffer.from(mine.keyPem).toString('base64'),
  };
  const decide = async (name: string, names: RequestedNames) => {
    const { manifest } = await certificateRequest(name, 'hostile', names);
    const created = await kubectlAs(sandbox, 'hostile', kubelet, create, manifest);
    expect(created, created.stderr).toMatchObject({ exitCode: 0 });
    return decisionOn(sandbox, name);
  };
  const name = { type: 'dns', value: 'hostile' } as const;
  const address = (value: string) => ({ type: 'ip', value }) as const;
  expect(await decide('for-node', [name, address(stolen.node)])).toMatch(/^Denied .*not registered/);
  await registerAsBefore();
  for (const [whose, value] of Object.entries(stolen)) {
    const decision = await decide(`before-${whose.toLowerCase()}`, [name, address(value)]);
    expect(decision, whose).toMatch(/^Denied .*(belongs to|lies in)/);
  }
  const dns = { type: 'dns', value: 'hook.default.svc' } as const;
  expect(await decide('for-hook', [name, dns])).toMatch(/^Denied .*hook/);
  expect(await decide('for-itself', [name, address(own)])).toMatch(/^Approved /);

  // Its own Node says what it likes: that is its right, and gives it nothing.
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'hostile' } };
  const made = await kubectlAs(sandbox, 'hostile', kubelet, create, JSON.stringify(node));
  expect(made, made.stderr).toMatchObject({ exitCode: 0 });
  const status = { addresses: [{ type: 'InternalIP', address: stolen.node }] };
  const replace = ['replace', '--raw', '/api/v1/nodes/hostile/status', '-f', '-'];
  const stored = JSON.parse(await kubectl(sandbox, ['get', 'node', 'hostile', '-o', 'json'])) as {
    metadata: object;
  };
  // Of no version: the gateway labels it meanwhile.
  const said = JSON.stringify({
    ...stored,
    metadata: { ...stored.metadata, resourceVersion: undefined },
    status,
  });
  const replaced = await kubectlAs(sandbox, 'hostile', kubelet, replace, said);
  expect(replaced, replaced.stderr).toMatchObject({ exitCode: 0 });
});

test('a webhook with failurePolicy Fail: its call goes to the Service, or nowhere', async () => {
  const webhook = {
    ...{ name: 'hook.example.com', sideEffects: 'None', admissionReviewVersions: ['v1'] },
    ...{ failurePolicy: 'Fail', timeoutSeconds: 2 },
    clientConfig: { service: { name: 'hook', namespace: 'default', port: 443 } },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['secrets'] }],
    objectSelector: { matchLabels: { hooked: 'true' } },
  };
  const configuration = {
    ...{ apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingWebhookConfiguration' },
    ...{ metadata: { name: 'hook' }, webhooks: [webhook] },
  };
  await kubectl(sandbox, ['create', '-f', '-'], JSON.stringify(configuration));
  const secret = {
    ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'precious', labels: { hooked: 'true' } } },
    stringData: { password: 'of everybody' },
  };
  const isHooked = async () => {
    const created = await sandbox.cloud.kubectl(['create', '-f', '-'], { input: JSON.stringify(secret) });
    if (created.exitCode === 0) await kubectl(sandbox, ['delete', 'secret', 'precious']);
    return created.exitCode !== 0 && created.stderr;
  };
  const refused = await waitFor('the webhook to be asked', isHooked, { timeoutMs: 30_000 });
  expect(refused).toContain('hook.example.com');
  const asked = (await gateway.audited('stream')).filter(({ target }) => target === `${stolen.service}:443`);
  expect(asked.length).toBeGreaterThan(0);
  expect(new Set(asked.map(({ node }) => node))).toEqual(new Set(['']));
  expect(await received()).toBe(0);
  await kubectl(sandbox, ['delete', 'validatingwebhookconfiguration', 'hook']);
});

const connect = async (target: string) => (await gateway.connectTo(target)).split('\r\n')[0];

test("what is meant for others never comes through its tunnel: the other node's logs are its own", async () => {
  expect(await kubectl(sandbox, ['logs', 'talker', '--tail=1'])).toContain(`on ${victim}`);
  expect(await connect(`${stolen.node}:10250`)).toContain(' 200 ');
  expect(await connect(`[::ffff:${stolen.node}]:10250`)).toContain(' 200 ');
  for (const target of [`${stolen.service}:10250`, `${stolen.apiServer}:10250`]) await connect(target);
  expect(await connect(`${own}:443`)).toContain('TUNNEL_PORT_REFUSED');
  expect(await received()).toBe(0);
  // It is a node, and what is its own does come.
  expect(await connect(`${own}:10250`)).toContain(' 200 ');
  await waitFor('it to arrive', async () => (await received()) === 1, { timeoutMs: 10_000 });
});

test('no way of the egress leads into the gateway itself', async () => {
  const { address } = sandbox.cloud;
  for (const target of [
    '127.0.0.1:9464',
    '[::1]:9464',
    'localhost:9464',
    `${address}:443`,
    '169.254.169.254:80',
  ])
    expect(await connect(target), target).toMatch(/502 TUNNEL_TARGET_(FORBIDDEN|UNREACHABLE)/);
});

test('after it has gone, every address leads to whom it belongs', async () => {
  await regnodectl(sandbox, ['node', 'remove', 'hostile', '--force']);
  // Its kubelet's certificate is good as before, and Kubernetes lets it make its Node anew.
  const spec = { podCIDR: '0.0.0.0/0', podCIDRs: ['0.0.0.0/0'] };
  const node = JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'hostile' }, spec });
  const made = await kubectlAs(sandbox, 'hostile', kubelet, ['create', '-f', '-'], node);
  expect(made, made.stderr).toMatchObject({ exitCode: 0 });
  // What it says has arrived.
  const isHeard = async () => {
    const { code, detail } = await attempt('next');
    return code === 'ADDRESS_NOT_OWNED' && detail.includes('Node hostile');
  };
  await waitFor('its Node to be known', isHeard, { timeoutMs: 20_000 });
  expect(await kubectl(sandbox, ['logs', 'talker', '--tail=1'])).toContain(`on ${victim}`);
  expect(await connect(`${stolen.node}:10250`)).toContain(' 200 ');
  expect(await received()).toBe(1);
  // And its own is free for the next, once it has been expelled: its Node goes, as often as it makes it.
  const expelled = JSON.parse(
    await regnodectl(sandbox, ['node', 'expel', 'hostile', '--until', '1h', '--json']),
  );
  expect(expelled).toMatchObject({ node: 'hostile', nodeObject: true, dryRun: false });
  expect(await regnodectl(sandbox, ['node', 'expelled'])).toMatch(/^hostile +20/m);
  const isGone = async () => !(await kubectl(sandbox, ['get', 'nodes', '-o', 'name'])).includes('hostile');
  await waitFor('its Node to be deleted', isGone, { timeoutMs: 60_000 });
  const again = await kubectlAs(sandbox, 'hostile', kubelet, ['create', '-f', '-'], node);
  expect(again, again.stderr).toMatchObject({ exitCode: 0 });
  await waitFor('its Node to be deleted again', isGone, { timeoutMs: 60_000 });
  const isFree = async () => (await attempt('next')).status === 200;
  await waitFor('its address to be free', isFree, { timeoutMs: 20_000 });
});
