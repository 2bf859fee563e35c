// What the API server calls in a pod of a registered node, through that node's tunnel: a webhook that
// fails closed, an aggregated API, pods and services by proxy. Nothing in the cloud can reach the pods.
// The cable is pulled and put back.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { busyboxImage } from '../../scripts/sandbox/images.ts';
import { podSubnet } from '../../scripts/sandbox/line.ts';
import { startJoinedSandbox } from '../../scripts/sandbox/ready.ts';
import { kubectl, regnodectl } from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';

const port = 9443;
const patience = { timeoutMs: 120_000, intervalMs: 1000 };
const proxied = (what: string) => `/api/v1/namespaces/default/${what}/proxy/here`;

let sandbox: Sandbox;
let host: SandboxHost;
let caBundle: string;

beforeAll(async () => {
  ({ sandbox, host } = await startJoinedSandbox({ name: 'e2e-webhook' }));
  await serveFromPods();
}, 300_000);
afterAll(() => sandbox?.stop());

test('a webhook that fails closed is asked in its pod, and what it says counts', async () => {
  await apply(webhook());
  const isAsked = async () => (await create('one', { refused: 'yes' })).includes('refused by the pod');
  await waitFor('the webhook to be asked', isAsked, patience);
  expect(await create('one')).toContain('created');
});

test('an aggregated API is available, and answers', async () => {
  await apply(apiService());
  const condition = 'jsonpath={.status.conditions[?(@.type=="Available")].status}';
  const available = () => kubectl(sandbox, ['get', 'apiservice', 'v1.pods.example.com', '-o', condition]);
  await waitFor('the aggregated API', async () => (await available()) === 'True', patience);
  // Its path is served a moment later.
  const answers = async () => {
    const asked = await sandbox.cloud.kubectl(['get', '--raw', '/apis/pods.example.com/v1']);
    return asked.stdout.includes('APIResourceList');
  };
  await waitFor('an answer of it', answers, patience);
});

test('a pod of the network of the host is reached at the port that it declares, and at no other', async () => {
  expect(await get(`pods/https:host:${port + 1}`)).toContain('"path":"/here"');
  expect(await get('pods/host:22')).toContain('TUNNEL_PORT_REFUSED');
});

test("a pod's own address leads to it once its pool declares the range", async () => {
  expect(await get(`pods/https:server:${port}`)).toContain('TUNNEL_TARGET_FORBIDDEN');
  await regnodectl(sandbox, ['pool', 'set', 'idc', '--external-pod-cidr', podSubnet(1)]);
  const answers = async () => (await get(`pods/https:server:${port}`)).includes('"path":"/here"');
  await waitFor('the pod by its address', answers, patience);
  expect(await get('services/https:server:tls')).toContain('"path":"/here"');
});

test('with the cable out the refusal says why, and with the cable back all is as before', async () => {
  await host.cutLink();
  try {
    const refused = async () => /TUNNEL_|hook\.example\.com/.test(await create('two'));
    await waitFor('a refusal', refused, patience);
  } finally {
    await host.restoreLink();
  }
  await waitFor('the webhook to allow it', async () => (await create('two')).includes('created'), patience);
});

test('what is refused again and again is a record of the audit once a minute', async () => {
  for (let n = 0; n < 20; n++) await get('pods/host:22');
  const audit = await sandbox.cloud.gatewayLogs();
  const records = audit.split('\n').filter((line) => line.includes('TUNNEL_PORT_REFUSED'));
  expect(records.length).toBeGreaterThan(0);
  expect(records.length).toBeLessThan(5);
});

async function apply(...objects: readonly unknown[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  await kubectl(sandbox, ['apply', '-f', '-'], JSON.stringify(list));
}

/** What kubectl said, also of a refusal. */
async function create(name: string, labels: Readonly<Record<string, string>> = {}): Promise<string> {
  const object = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, labels: { hooked: 'yes', ...labels } },
  };
  const done = await sandbox.cloud.kubectl(['create', '-f', '-'], { input: JSON.stringify(object) });
  return done.stdout + done.stderr;
}

async function get(what: string): Promise<string> {
  const done = await sandbox.cloud.kubectl(['get', '--raw', proxied(what)]);
  return done.stdout + done.stderr;
}

const service = { name: 'server', namespace: 'default', port: 443 };

function webhook(): unknown {
  const hook = {
    ...{ name: 'hook.example.com', sideEffects: 'None', admissionReviewVersions: ['v1'] },
    ...{ failurePolicy: 'Fail', timeoutSeconds: 5, clientConfig: { service, caBundle } },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
    objectSelector: { matchLabels: { hooked: 'yes' } },
  };
  return {
    ...{ apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingWebhookConfiguration' },
    ...{ metadata: { name: 'hook' }, webhooks: [hook] },
  };
}

function apiService(): unknown {
  const group = { group: 'pods.example.com', version: 'v1', groupPriorityMinimum: 1000, versionPriority: 15 };
  return {
    ...{
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: 'v1.pods.example.com' },
    },
    spec: { ...group, service, caBundle },
  };
}

/** One pod with an address of its own behind a Service, one in the network of the host. */
async function serveFromPods(): Promise<void> {
  const { cloud } = sandbox;
  const file = (name: string) => join(cloud.files.folder, name);
  const [certificate, key] = [file('server.crt'), file('server.key')];
  const made = await cloud.run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-subj', '/CN=server', '-addext', 'subjectAltName=DNS:server.default.svc'],
    ...['-keyout', key, '-out', certificate],
  ]);
  expect(made, made.stderr).toMatchObject({ exitCode: 0 });
  caBundle = (await readFile(certificate)).toString('base64');
  const program = await readFile(new URL('./peers/pod-server.ts', import.meta.url), 'utf8');
  const stringData = {
    'server.ts': program,
    'tls.crt': await readFile(certificate, 'utf8'),
    'tls.key': await readFile(key, 'utf8'),
  };
  const ports = [{ name: 'tls', port: 443, targetPort: port }];
  await apply(
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'server' }, stringData },
    pod('server', port, false),
    pod('host', port + 1, true),
    {
      ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'server' } },
      spec: { selector: { app: 'server' }, ports },
    },
  );
  await kubectl(sandbox, ['wait', '--for=condition=Ready', 'pod/server', 'pod/host', '--timeout=120s']);
}

/** It runs on the Node.js that its host has anyway. */
function pod(name: string, containerPort: number, hostNetwork: boolean): unknown {
  const command = [
    '/opt/regnode/bin/node',
    '/server/server.ts',
    `${containerPort}`,
    '/server/tls.crt',
    '/server/tls.key',
  ];
  return {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app: name } } },
    spec: {
      hostNetwork,
      tolerations: [{ operator: 'Exists' }],
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          ...{ name: 'main', image: busyboxImage, imagePullPolicy: 'Never', command },
          ports: [{ containerPort }],
          readinessProbe: { tcpSocket: { port: containerPort }, periodSeconds: 1 },
          volumeMounts: [
            { name: 'program', mountPath: '/opt/regnode', readOnly: true },
            { name: 'server', mountPath: '/server' },
          ],
        },
      ],
      volumes: [
        { name: 'program', hostPath: { path: '/opt/regnode' } },
        { name: 'server', secret: { secretName: 'server' } },
      ],
    },
  };
}
