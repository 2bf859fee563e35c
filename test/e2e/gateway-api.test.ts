// The gateway against a real API server, without a host: what only the real one can prove. Races are
// decided by etcd, rights by RBAC, evictions by disruption budgets; kubelets are played by the
// requests that a kubelet sends.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JoinResponse } from '../../protocol/messages/join.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import { createPool, kubectl, poolName, regnodectl } from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';
import { applicant } from '../unit/gateway/applicant.ts';
import { certificateRequest, decisionOn, kubectlAs, signedCertificate } from './peers/kubelet-requests.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startReadySandbox({ name: 'e2e-gateway-api', gateway: false });
  const { cloud } = sandbox;
  await cloud.setUpGateway(); // once more than the template's
  await cloud.buildArtifactStore();
  await cloud.startGateway();
  await createPool(sandbox, poolName, [
    '--label',
    'site=a',
    '--taint',
    'idc=true:NoSchedule',
    '--max-nodes',
    '6',
    // Its hosts are played from the cloud's own address, so what speaks for theirs is the pool.
    ...['--node-cidr', '10.77.0.8/29', '--node-cidr', '10.99.0.0/16'],
  ]);
});
afterAll(() => sandbox?.stop());

interface Answer {
  readonly status: number;
  readonly body: { readonly error?: { readonly code: string }; readonly [field: string]: unknown };
}

/** One request to the gateway's public port, from inside the cloud. */
async function ask(
  path: string,
  { body, curl = [] }: { body?: unknown; curl?: string[] } = {},
): Promise<Answer> {
  const { cloud } = sandbox;
  const post = body === undefined ? [] : ['--data-binary', '@-'];
  const args = ['-sk', '-w', '\n%{http_code}', ...post, ...curl, `${cloud.gatewayUrl}${path}`];
  const { stdout } = await cloud.run('curl', args, body === undefined ? {} : { input: JSON.stringify(body) });
  const at = stdout.lastIndexOf('\n');
  return { status: Number(stdout.slice(at + 1)), body: JSON.parse(stdout.slice(0, at)) as Answer['body'] };
}

const token = async (more: readonly string[] = []) => {
  const answer = await regnodectl(sandbox, ['token', 'create', '--pool', poolName, '--json', ...more]);
  return (JSON.parse(answer) as { token: string }).token;
};

/** Joins a host of this name; its certificate and key are in files that curl and kubectl can use. */
async function joined(name: string, machineId = Buffer.from(name.padEnd(16)).toString('hex').slice(0, 32)) {
  const host = await applicant(name, machineId);
  const answer = await ask('/v1/join', { body: host.request(await token()) });
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200 });
  const response = answer.body as unknown as JoinResponse;
  const file = (suffix: string) => join(sandbox.cloud.files.folder, `${name}.${suffix}`);
  await writeFile(file('crt'), response.certificatePem);
  await writeFile(file('key'), host.keyPem, { mode: 0o600 });
  return { name, response, curl: ['--cert', file('crt'), '--key', file('key')] };
}

describe('races are decided once', () => {
  test('five hosts, one use: one joins, and one name is registered', async () => {
    const text = await token();
    const hosts = await Promise.all([1, 2, 3, 4, 5].map((n) => applicant(`race-${n}`, String(n).repeat(32))));
    const answers = await Promise.all(hosts.map((host) => ask('/v1/join', { body: host.request(text) })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const refusals = answers.flatMap(({ body }) => body.error?.code ?? []);
    expect(new Set(refusals)).toEqual(new Set(['TOKEN_USED_UP']));
    const names = await kubectl(sandbox, ['get', 'registerednodes', '-o', 'name']);
    expect(names.trim().split('\n')).toHaveLength(1);
    await regnodectl(sandbox, ['node', 'remove', '--pool', poolName, '--force']);
  });

  test('a second machine under the same name', async () => {
    const text = await token(['--uses', '2']);
    const hosts = await Promise.all(['a', 'b'].map((id) => applicant('same', id.repeat(32))));
    const answers = await Promise.all(hosts.map((host) => ask('/v1/join', { body: host.request(text) })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(await regnodectl(sandbox, ['token', 'list'])).toMatch(/ 1\/2 /);
    await regnodectl(sandbox, ['node', 'remove', 'same', '--force']);
  });
});

describe('rights', () => {
  const may = async (verb: string, resource: string, more: readonly string[] = []) => {
    const args = ['auth', 'can-i', verb, resource, '--as=regnode-gateway', ...more];
    return (await sandbox.cloud.kubectl(args)).stdout.trim();
  };

  test.each([
    ['get', 'secrets', ['-n', 'kube-system'], 'no'],
    ['list', 'secrets', ['-n', 'kube-system'], 'no'],
    ['watch', 'secrets', ['-n', 'kube-system'], 'no'],
    ['update', 'secrets', ['-n', 'kube-system'], 'no'],
    ['patch', 'secrets', ['-n', 'kube-system'], 'no'],
    ['delete', 'secrets', ['-n', 'kube-system'], 'no'],
    ['deletecollection', 'secrets', ['-n', 'kube-system'], 'no'],
    ['list', 'secrets', ['-n', 'default'], 'no'],
    ['create', 'pods', [], 'no'],
    ['delete', 'pods', [], 'no'],
    ['create', 'daemonsets.apps', ['-n', 'default'], 'no'],
    ['create', 'daemonsets.apps', ['-n', 'regnode-cilium'], 'no'],
    ['create', 'clusterrolebindings', [], 'no'],
    ['impersonate', 'users', [], 'no'],
    ['create', 'secrets', ['-n', 'kube-system'], 'yes'],
    ['patch', 'nodes', [], 'yes'],
  ])('%s %s %j: %s', async (verb, resource, more, answer) => {
    expect(await may(verb, resource, more)).toBe(answer);
  });

  test('no verb shows it a Secret of kube-system, dry run or not', async () => {
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'theirs', namespace: 'kube-system' },
    };
    const hidden = Buffer.from('nobody reads this').toString('base64');
    const { cloud } = sandbox;
    const manifest = async (name: string, object: object) => {
      const file = join(cloud.files.folder, name);
      await writeFile(file, JSON.stringify(object));
      return file;
    };
    const whole = await manifest('theirs.json', { ...secret, data: { hidden } });
    await kubectl(sandbox, ['create', '-f', whole]);
    // With the version and a finalizer a deletion would be answered with the object.
    const finalized = '{"metadata":{"finalizers":["example.com/wait"]}}';
    await kubectl(sandbox, ['patch', 'secret', 'theirs', '-n', 'kube-system', '-p', finalized]);
    const other = await manifest('ours.json', { ...secret, data: {} });
    const dry = ['--dry-run=server', '-o', 'json'];
    const one = ['secret', 'theirs', '-n', 'kube-system'];
    const attempts: readonly (readonly string[])[] = [
      ['get', ...one, '-o', 'json'],
      ['get', 'secrets', '-n', 'kube-system', '-o', 'json'],
      ['get', 'secrets', '-n', 'kube-system', '--watch', '--request-timeout=5s', '-o', 'json'],
      ['create', '-f', other, '-o', 'json'],
      ['create', '-f', other, ...dry],
      ['replace', '-f', other, ...dry],
      ['patch', ...one, '-p', '{"data":{}}', ...dry],
      ['apply', '--server-side', '-f', other, ...dry],
      ['delete', ...one, '--dry-run=server', '-o', 'name'],
      ['delete', '--raw', '/api/v1/namespaces/kube-system/secrets/theirs?dryRun=All'],
      ['delete', '--raw', '/api/v1/namespaces/kube-system/secrets?dryRun=All'],
    ];
    for (const attempt of attempts) {
      const { exitCode, stdout, stderr } = await cloud.kubectl([...attempt, '--as=regnode-gateway']);
      expect(exitCode, attempt.join(' ')).not.toBe(0);
      expect(`${stdout}${stderr}`).not.toContain(hidden);
    }
    await kubectl(sandbox, ['patch', ...one, '-p', '{"metadata":{"finalizers":null}}']);
    await kubectl(sandbox, ['delete', ...one]);
  });

  describe('of people', () => {
    const bind = (user: string, role: string) =>
      kubectl(sandbox, ['create', 'clusterrolebinding', user, `--clusterrole=${role}`, `--user=${user}`]);
    const bindTokens = (user: string, namespace: string) =>
      kubectl(sandbox, [
        ...['create', 'rolebinding', user, '-n', namespace],
        ...['--role=regnode-operator', `--user=${user}`],
      ]);
    const can = async (user: string, [verb = '', resource = '', ...more]: readonly string[]) =>
      (
        await sandbox.cloud.kubectl(['auth', 'can-i', verb, resource, `--as=${user}`, ...more])
      ).stdout.trim() === 'yes';
    const tokens = ['-n', 'regnode-tokens'];

    beforeAll(async () => {
      await bind('vera', 'regnode-viewer');
      await bind('otto', 'regnode-operator');
      await bind('anna', 'regnode-admin');
      for (const user of ['otto', 'anna']) {
        await bindTokens(user, 'regnode-tokens');
        await bindTokens(user, 'regnode-system');
      }
    });

    test.each<[readonly string[], string]>([
      [['list', 'nodepools'], 'vera otto anna'],
      [['watch', 'registerednodes'], 'vera otto anna'],
      [['get', 'nodes'], 'vera otto anna'],
      [['patch', 'registerednodes'], 'otto anna'],
      [['delete', 'registerednodes'], 'otto anna'],
      [['patch', 'nodes'], 'otto anna'],
      [['create', 'pods', '--subresource=eviction'], 'otto anna'],
      [['create', 'secrets', ...tokens], 'otto anna'],
      [['list', 'secrets', ...tokens], 'otto anna'],
      [['get', 'configmaps/regnode-gateway', '-n', 'regnode-system'], 'otto anna'],
      [['create', 'nodepools'], 'anna'],
      [['patch', 'nodepools'], 'anna'],
      [['get', 'customresourcedefinitions/nodepools.regnode.io'], 'anna'],
      [['patch', 'registerednodes', '--subresource=status'], ''],
      [['get', 'secrets', '-n', 'regnode-system'], ''],
      [['create', 'secrets', '-n', 'kube-system'], ''],
      [['delete', 'nodes'], ''],
      [['create', 'pods'], ''],
      [['get', 'pods', '--subresource=exec'], ''],
      [['create', 'clusterrolebindings'], ''],
    ])('%j is for: %s', async (question, whose) => {
      const found: string[] = [];
      for (const user of ['vera', 'otto', 'anna']) if (await can(user, question)) found.push(user);
      expect(found.join(' ')).toBe(whose);
    });

    test('an editor of the cluster has none of it: nothing is aggregated', async () => {
      await kubectl(sandbox, ['create', 'clusterrolebinding', 'eddi', '--clusterrole=edit', '--user=eddi']);
      for (const verb of ['get', 'patch']) expect(await can('eddi', [verb, 'nodepools'])).toBe(false);
    });
  });
});

describe("a kubelet's certificates", () => {
  /** It has to succeed. */
  async function as(name: string, user: object, args: readonly string[], input: string) {
    const result = await kubectlAs(sandbox, name, user, args, input);
    expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  }
  const request = certificateRequest;
  const decision = (name: string) => decisionOn(sandbox, name);

  test('its own, and nobody else’s; then its serving certificate; then its labels and taints; what it writes takes none of others away', async () => {
    const { response } = await joined('idc-1');
    const other = await joined('idc-2');
    const bootstrap = { token: response.bootstrap.token };
    const create = ['create', '-f', '-'];

    const mine = await request('mine', 'idc-1');
    await as('idc-1-boot', bootstrap, create, mine.manifest);
    await as('idc-1-boot', bootstrap, create, (await request('theirs', 'idc-2')).manifest);
    await as('idc-1-boot', bootstrap, create, (await request('nobodys', 'idc-9')).manifest);
    expect(await decision('mine')).toMatch(/^Approved /);
    expect(await decision('theirs')).toMatch(/^Denied .*another node/);
    expect(await decision('nobodys')).toMatch(/^Denied .*not registered/);
    expect(other.response.bootstrap.token).not.toBe(response.bootstrap.token);

    const certificate = await signedCertificate(sandbox, 'mine');
    const kubelet = {
      'client-certificate-data': certificate,
      'client-key-data': Buffer.from(mine.keyPem).toString('base64'),
    };
    const address = { type: 'ip' as const, value: '10.77.0.11' };
    const own = [{ type: 'dns' as const, value: 'idc-1' }, address];
    await as('idc-1', kubelet, create, (await request('serving', 'idc-1', own)).manifest);
    const foreign = [{ ...address, value: '10.77.0.1' }];
    await as('idc-1', kubelet, create, (await request('foreign', 'idc-1', foreign)).manifest);
    await as('idc-1', kubelet, create, (await request('renewal', 'idc-1')).manifest);
    expect(await decision('serving')).toMatch(/^Approved /);
    expect(await decision('foreign')).toMatch(/^Denied .*10\.77\.0\.1/);
    expect(await decision('renewal')).toMatch(/^Approved /);

    await as(
      'idc-1',
      kubelet,
      create,
      JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'idc-1' } }),
    );
    await waitFor(
      'label and taint of the pool',
      async () => {
        const node = JSON.parse(await kubectl(sandbox, ['get', 'node', 'idc-1', '-o', 'json']));
        const taints: { key: string }[] = node.spec.taints ?? [];
        return node.metadata.labels?.site === 'a' && taints.some(({ key }) => key === 'idc');
      },
      { timeoutMs: 20_000 },
    );

    // What an administrator put onto the Node, and the kubelet says is the gateway's to take away.
    const tier = 'node-restriction.kubernetes.io/tier';
    await kubectl(sandbox, ['label', 'node', 'idc-1', `${tier}=secret`]);
    await kubectl(sandbox, ['taint', 'node', 'idc-1', 'quarantine=yes:NoExecute']);
    await kubectl(sandbox, ['cordon', 'idc-1']);
    const claim = { labels: [tier], taints: ['quarantine:NoExecute'], unschedulable: true };
    const annotations = { 'regnode.io/applied': JSON.stringify(claim) };
    await as(
      'idc-1',
      kubelet,
      ['patch', 'node', 'idc-1', '--type=merge', '-p', JSON.stringify({ metadata: { annotations } })],
      '',
    );
    const idc1 = async () => JSON.parse(await kubectl(sandbox, ['get', 'node', 'idc-1', '-o', 'json']));
    const seen = await waitFor(
      'the gateway to take the annotation away',
      async () => {
        const node = await idc1();
        return node.metadata.annotations?.['regnode.io/applied'] === undefined ? node : undefined;
      },
      { timeoutMs: 20_000 },
    );
    expect(seen.metadata.labels[tier]).toBe('secret');
    expect(seen.spec.unschedulable).toBe(true);
    expect(seen.spec.taints.map(({ key }: { key: string }) => key)).toContain('quarantine');
    const registered = JSON.parse(
      await kubectl(sandbox, ['get', 'registerednode', 'idc-1', '-o', 'json']),
    ).status;
    expect(registered).toMatchObject({
      nodeUid: seen.metadata.uid,
      applied: { taints: ['idc:NoSchedule'], unschedulable: false },
    });

    // Where there is no list of taints, one is made.
    const none = JSON.stringify([{ op: 'remove', path: '/spec/taints' }]);
    await kubectl(sandbox, ['patch', 'node', 'idc-1', '--type=json', '-p', none]);
    await waitFor(
      'the taint of the pool to be back',
      async () => {
        const { spec } = await idc1();
        return (spec.taints ?? []).some(({ key }: { key: string }) => key === 'idc');
      },
      { timeoutMs: 20_000 },
    );
  });

  test('a request that is nobody’s business here is left alone', async () => {
    const stranger = await request('stranger', 'cloud-1');
    await kubectl(sandbox, ['create', '-f', '-'], stranger.manifest);
    // The next one is decided, so the gateway has passed this one.
    const { response } = await joined('idc-3');
    await as(
      'idc-3-boot',
      { token: response.bootstrap.token },
      ['create', '-f', '-'],
      (await request('next', 'idc-3')).manifest,
    );
    await decision('next');
    // Kubernetes' own approver may have had its say.
    const conditions = await kubectl(sandbox, [
      'get',
      'csr',
      'stranger',
      '-o',
      'jsonpath={.status.conditions}',
    ]);
    expect(conditions).not.toContain('regnode');
  });
});

describe('leaving', () => {
  const pod = (name: string, app: string) =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels: { app } },
      spec: {
        nodeName: 'leaving',
        tolerations: [{ operator: 'Exists' }],
        terminationGracePeriodSeconds: 0,
        automountServiceAccountToken: false,
        containers: [{ name: 'c', image: 'none' }],
      },
    });

  test('a drain evicts, waits for a disruption budget, and deregistering leaves nothing', async () => {
    const host = await joined('leaving');
    await kubectl(
      sandbox,
      ['create', '-f', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'leaving' } }),
    );
    await kubectl(sandbox, [
      'create',
      'poddisruptionbudget',
      'guard',
      '--selector=app=guarded',
      '--min-available=1',
    ]);
    await kubectl(sandbox, ['create', '-f', '-'], pod('guarded', 'guarded'));
    await kubectl(sandbox, ['create', '-f', '-'], pod('free', 'free'));
    const guarded = JSON.parse(await kubectl(sandbox, ['get', 'pod', 'guarded', '-o', 'json']));
    const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
    await kubectl(
      sandbox,
      ['replace', '--raw', '/api/v1/namespaces/default/pods/guarded/status', '-f', '-'],
      JSON.stringify({ ...guarded, status }),
    );
    await waitFor(
      'the budget to count its pod',
      async () =>
        (await kubectl(sandbox, ['get', 'pdb', 'guard', '-o', 'jsonpath={.status.currentHealthy}'])) === '1',
      { timeoutMs: 30_000 },
    );

    const drained = ask('/v1/node/drain', { body: {}, curl: host.curl });
    await waitFor(
      'the free pod to go',
      async () => !(await kubectl(sandbox, ['get', 'pods', '-o', 'name'])).includes('free'),
      {
        timeoutMs: 20_000,
      },
    );
    expect(await kubectl(sandbox, ['get', 'pods', '-o', 'name'])).toContain('guarded');
    await kubectl(sandbox, ['delete', 'poddisruptionbudget', 'guard']);
    expect(await drained).toMatchObject({ status: 200, body: { remainingPods: [] } });

    expect(await ask('/v1/node/deregister', { body: {}, curl: host.curl })).toMatchObject({ status: 200 });
    expect(await kubectl(sandbox, ['get', 'nodes,registerednodes', '-o', 'name'])).not.toContain('leaving');
    // Its token ends by itself: the gateway may delete nothing there.
    const bootstrap = `bootstrap-token-${host.response.bootstrap.token.split('.')[0]}`;
    const expiration = ['get', 'secret', bootstrap, '-n', 'kube-system', '-o', 'jsonpath={.data.expiration}'];
    const until = Date.parse(Buffer.from(await kubectl(sandbox, expiration), 'base64').toString());
    expect(until - Date.now()).toBeLessThan(31 * 60_000);
    expect(await ask('/v1/node/status', { curl: host.curl })).toMatchObject({
      status: 403,
      body: { error: { code: 'NODE_NOT_REGISTERED' } },
    });
  });

  test('a registration written by hand with the name of a cloud node leaves that node as it is', async () => {
    const create = (object: object) => kubectl(sandbox, ['create', '-f', '-'], JSON.stringify(object));
    const cloud9 = async () =>
      JSON.parse(await kubectl(sandbox, ['get', 'node', 'cloud-9', '-o', 'json'])) as {
        metadata: { uid: string; labels?: object };
        spec: { unschedulable?: boolean };
      };
    await create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'cloud-9' } });
    const before = await cloud9();
    await create({
      apiVersion: 'regnode.io/v1alpha1',
      kind: 'RegisteredNode',
      metadata: { name: 'cloud-9', finalizers: ['regnode.io/leave'] },
      spec: { pool: poolName, machineId: '9'.repeat(32), keySha256: '9'.repeat(64), addresses: [] },
    });
    // Ends when the gateway has taken the finalizer away.
    await kubectl(sandbox, ['delete', 'registerednode', 'cloud-9', '--timeout=30s']);
    const after = await cloud9();
    expect(after.metadata.uid).toBe(before.metadata.uid);
    expect(after.metadata.labels).toEqual(before.metadata.labels);
    expect(after.spec.unschedulable).toBeUndefined();
    expect(await sandbox.cloud.gatewayLogs()).toMatch(
      /"event":"removal","node":"cloud-9".*"kind":"never-joined","nodeObject":"left-alone"/,
    );
    await kubectl(sandbox, ['delete', 'node', 'cloud-9']);
  });

  test('a host that is away is waited for; by force it is gone at once', async () => {
    await joined('away');
    await regnodectl(sandbox, ['node', 'remove', 'away', '--no-wait']);
    expect(await regnodectl(sandbox, ['node', 'list'])).toMatch(/away .*Leaving/);
    await regnodectl(sandbox, ['node', 'remove', 'away', '--force']);
    expect(await regnodectl(sandbox, ['node', 'list'])).not.toContain('away');
  });
});

describe('what is configured has a grammar', () => {
  const attack = 'pause\nExecStartPre=/bin/touch /owned';

  beforeAll(async () => {
    await joined('strict');
  });
  afterAll(() => regnodectl(sandbox, ['node', 'remove', 'strict', '--force']));

  test.each([
    ['nodepool', poolName, { containerd: { sandboxImage: attack } }, 'spec.containerd.sandboxImage'],
    ['nodepool', poolName, { taints: [{ key: attack, effect: 'NoSchedule' }] }, 'spec.taints.key'],
    ['nodepool', poolName, { labels: { site: 'a\u009bb' } }, 'spec.labels'],
    ['nodepool', poolName, { kubelet: { clusterDomain: 'a\u202eb' } }, 'spec.kubelet.clusterDomain'],
    [
      'registerednode',
      'strict',
      { taints: [{ key: 'a', value: attack, effect: 'NoExecute' }] },
      'spec.taints',
    ],
  ])('the API server refuses a wrong text of a %s (case %#)', async (kind, name, spec, place) => {
    const patch = ['patch', kind, name, '--type', 'merge', '-p', JSON.stringify({ spec })];
    const refused = await sandbox.cloud.kubectl(patch);
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toContain(place);
    expect(refused.stderr).toContain('should match');
  });

  test('regnodectl says what it expected', async () => {
    const wrong = regnodectl(sandbox, ['pool', 'set', poolName, '--sandbox-image', attack]);
    await expect(wrong).rejects.toThrow(/containerd\.sandboxImage is .*expected an image such as/);
  });
});

test('custom resources of an older release are refused before the API server drops a field', async () => {
  const path = ['spec', 'versions', '0', 'schema', 'openAPIV3Schema', 'properties', 'spec', 'properties'];
  const field = `/${[...path, 'kubelet', 'properties', 'imageGarbageCollection'].join('/')}`;
  const patch = ['--type', 'json', '-p', JSON.stringify([{ op: 'remove', path: field }])];
  await kubectl(sandbox, ['patch', 'crd', 'nodepools.regnode.io', ...patch]);
  const set = () => regnodectl(sandbox, ['pool', 'set', poolName, '--image-gc-thresholds', '70:60']);
  await expect(set()).rejects.toThrow(/older release.* lacks spec\.kubelet\.imageGarbageCollection/);
  await sandbox.cloud.setUpGateway();
  await set();
  const shown = await regnodectl(sandbox, ['pool', 'get', poolName]);
  expect(shown).toMatch(/image-gc-thresholds +70:60/);
});

test('the gateway says what it was told, in events and in the audit', async () => {
  const events = await kubectl(sandbox, ['get', 'events', '-n', 'default', '-o', 'json']);
  const reasons = new Set(
    (JSON.parse(events) as { items: { reason: string }[] }).items.map(({ reason }) => reason),
  );
  for (const reason of ['Joined', 'JoinRefused', 'NodeLeft']) expect(reasons).toContain(reason);
  const log = await sandbox.cloud.gatewayLogs();
  expect(log).toContain('"event":"join","outcome":"refused","code":"TOKEN_USED_UP"');
  expect(log).not.toMatch(/rt-[a-z0-9]{6}\.[a-z0-9]{32}/);
});

test('a gateway that is restarted goes on where it was', async () => {
  const host = await joined('again');
  await sandbox.cloud.restartGateway();
  // So that one that ends of its own says how.
  expect(await sandbox.cloud.gatewayLogs()).toMatch(/"msg":"the process has ended","pid":\d+/);
  expect(await ask('/v1/node/status', { curl: host.curl })).toMatchObject({
    status: 200,
    body: { registered: true },
  });
});
