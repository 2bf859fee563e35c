// A cluster whose API server reaches its webhooks through the gateway, and a webhook that must be asked about
// nearly everything that the gateway writes, its own Lease too. Whoever starts first, both come up: the way
// through the gateway is open before the gateway has read the cluster.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import { kubectl } from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';

const port = 9443;
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startReadySandbox({ name: 'e2e-cold-start' });
  await startWebhook();
}, 300_000);
afterAll(() => sandbox?.stop());

test('while the gateway is away nothing is written, since nobody can be asked', async () => {
  const isAsked = async () => (await writeLease()) !== '' && (await asked()).includes('leases');
  await waitFor('the webhook to be asked', isAsked, { timeoutMs: 60_000, intervalMs: 1000 });
  await sandbox.cloud.killGateway();
  await waitFor('a refusal', async () => (await writeLease()).includes('hook.example.com'), {
    timeoutMs: 30_000,
  });
});

test('a gateway that was killed comes back: what it needs the API server for goes through itself', async () => {
  const before = (await asked()).length;
  await sandbox.cloud.startGateway();
  expect(await writeLease()).toMatch(/created|configured|unchanged/);
  expect((await asked()).length).toBeGreaterThan(before);
});

test.each(['the API server first', 'the gateway first'])(
  'everything down, then up again: %s',
  async (order) => {
    const { cloud } = sandbox;
    await cloud.killGateway();
    await cloud.killApiServer();
    const logged = (await cloud.gatewayLogs()).length;
    if (order === 'the gateway first') {
      const gateway = cloud.startGateway();
      const waits = async () => (await cloud.gatewayLogs()).slice(logged).includes('waiting for Kubernetes');
      await waitFor('it to wait for the API server', waits, { timeoutMs: 30_000 });
      await cloud.startApiServer();
      await Promise.all([gateway, cloud.waitForApiServer()]);
    } else {
      await cloud.startApiServer();
      await cloud.waitForApiServer();
      await cloud.startGateway();
    }
    expect(await writeLease()).toMatch(/created|configured|unchanged/);
  },
);

/** The resources that the webhook was asked about, in turn. */
async function asked(): Promise<readonly string[]> {
  const text = await readFile(join(sandbox.cloud.files.logs, 'webhook.log'), 'utf8');
  return text.split('\n').filter((line) => line !== '');
}

/** What kubectl said of it, also of a refusal. */
async function writeLease(): Promise<string> {
  const metadata = { name: 'tried', namespace: 'default', annotations: { at: new Date().toISOString() } };
  const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata };
  const done = await sandbox.cloud.kubectl(['apply', '-f', '-'], { input: JSON.stringify(lease) });
  return done.stdout + done.stderr;
}

/** Behind a Service, whose address is one of the cloud's machine: a cluster without kube-proxy. */
async function startWebhook(): Promise<void> {
  const { cloud } = sandbox;
  await kubectl(sandbox, ['create', 'service', 'clusterip', 'hook', `--tcp=${port}:${port}`]);
  const path = 'jsonpath={.spec.clusterIP}';
  const address = await kubectl(sandbox, ['get', 'service', 'hook', '--output', path]);
  const file = (name: string) => join(cloud.files.folder, name);
  const [certificate, key] = [file('webhook.crt'), file('webhook.key')];
  const commands: readonly (readonly string[])[] = [
    ['ip', 'address', 'add', `${address}/32`, 'dev', 'lo'],
    [
      ...['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-subj', '/CN=hook', '-addext', 'subjectAltName=DNS:hook.default.svc'],
      ...['-keyout', key, '-out', certificate],
    ],
  ];
  for (const [command = '', ...args] of commands)
    expect(await cloud.run(command, args)).toMatchObject({ exitCode: 0 });
  const program = new URL('./peers/admission-webhook.ts', import.meta.url).pathname;
  await cloud.startProgram('webhook', process.execPath, [program, address, `${port}`, certificate, key]);
  const service = { name: 'hook', namespace: 'default', port };
  const caBundle = (await readFile(certificate)).toString('base64');
  const rule = (apiGroup: string, resources: readonly string[]) => ({
    ...{ apiGroups: [apiGroup], apiVersions: ['*'], operations: ['CREATE', 'UPDATE', 'DELETE'], resources },
  });
  const webhook = {
    ...{ name: 'hook.example.com', sideEffects: 'None', admissionReviewVersions: ['v1'] },
    ...{ failurePolicy: 'Fail', timeoutSeconds: 5, clientConfig: { service, caBundle } },
    rules: [
      rule('coordination.k8s.io', ['leases']),
      rule('', ['configmaps', 'secrets', 'events', 'nodes', 'nodes/status']),
      rule('regnode.io', ['*/*']),
    ],
  };
  const configuration = {
    ...{ apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingWebhookConfiguration' },
    ...{ metadata: { name: 'hook' }, webhooks: [webhook] },
  };
  await kubectl(sandbox, ['create', '-f', '-'], JSON.stringify(configuration));
}
