// What people run on a registered node: pods with ConfigMap, Secret and local volumes that keep their data,
// and services by ClusterIP, NodePort and a load balancer of the cloud. The network is the cluster's own
// (kube-proxy and the reference bridge).
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { busyboxImage } from '../../scripts/sandbox/images.ts';
import { cloudAddress, cloudMember } from '../../scripts/sandbox/line.ts';
import { startDaemon } from '../../scripts/sandbox/namespaces.ts';
import { startJoinedSandbox } from '../../scripts/sandbox/ready.ts';
import { kubectl } from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';

const node = 'idc-1';
const nodePort = 30080;
const balancedPort = 8088;
const patience = { timeoutMs: 150_000, intervalMs: 1000 };

let sandbox: Sandbox;
let host: SandboxHost;

beforeAll(async () => {
  ({ sandbox, host } = await startJoinedSandbox({ name: 'e2e-workloads' }));
  await sandbox.startKubeProxy(host);
  // Nothing in the sandbox's cloud may open a connection to a host; a balancer of a
  // real cloud may, to node ports.
  await sandbox.cloud.run('iptables', [
    '-I',
    'OUTPUT',
    '-p',
    'tcp',
    '--dport',
    '30000:32767',
    '-j',
    'ACCEPT',
  ]);
  await apply(
    configMap('first'),
    secret,
    localVolume,
    claim,
    pod('keeper'),
    pod('web', servingScript),
    services,
  );
  await ready('keeper', 'web');
});
afterAll(async () => {
  await sandbox?.stop();
});

test('a ConfigMap and a Secret are files in the pod; the Secret is in memory only and for its owner', async () => {
  expect(await inPod('keeper', 'cat /etc/settings/greeting')).toBe('first');
  expect(await inPod('keeper', 'cat /etc/credentials/password; echo " $PASSWORD"')).toBe(
    'a b\u00e9 a b\u00e9',
  );
  expect(await inPod('keeper', 'stat -Lc %a /etc/credentials/password')).toBe('400');
  expect(await inPod('keeper', 'grep " /etc/credentials " /proc/mounts')).toMatch(/^tmpfs /);
  await apply(configMap('second'));
});

test('what a pod wrote to a local volume and to the host is there for the next pod; its scratch space is not', async () => {
  await inPod('keeper', 'for at in /data /host /scratch; do echo kept > $at/file; done; sync');
  expect(await kubectl(sandbox, ['get', 'pvc', 'data', '-o', 'jsonpath={.status.phase}'])).toBe('Bound');
  await kubectl(sandbox, ['delete', 'pod', 'keeper', '--wait=false']);
  // A kubelet 1.20 that missed a container's end sees it when it looks at the pod anyway, after 90 s at most.
  await waitFor(
    'keeper to be gone',
    async () => (await kubectl(sandbox, ['get', 'pod', 'keeper', '--ignore-not-found', '-o', 'name'])) === '',
    { timeoutMs: 180_000, intervalMs: 500, detail: () => sandbox.host('idc-1').logs('kubelet') },
  );
  await apply(pod('keeper'));
  await ready('keeper');
  expect(await inPod('keeper', 'cat /data/file /host/file')).toBe('kept\nkept');
  expect(await inPod('keeper', 'ls /scratch')).toBe('');
  expect((await host.run('cat', ['/srv/disk1/file', '/srv/host/file'])).stdout).toBe('kept\nkept\n');
});

test('a service answers at its ClusterIP, from a pod and from the host', async () => {
  const address = await clusterAddress('inner');
  const answers = async () => (await askFromPod(address, 80)).endsWith('web on idc-1');
  await waitFor('the ClusterIP in a pod', answers, patience);
  expect(await get(host.run.bind(host), `http://${address}/`)).toBe('web on idc-1');
});

test('a NodePort answers in the cloud, over the private line', async () => {
  const ask = () => get(sandbox.cloud.run.bind(sandbox.cloud), `http://${host.address}:${nodePort}/`);
  await waitFor('the NodePort', async () => (await ask()) === 'web on idc-1', patience);
});

test('a load balancer of the cloud reaches the pod, and its address is known on the node', async () => {
  const backend = `${host.address}:${await field('service', 'outer', '{.spec.ports[0].nodePort}')}`;
  const balancer = join(import.meta.dirname, '../../scripts/sandbox/balancer.ts');
  const args = [balancer, `${cloudAddress}:${balancedPort}`, backend];
  const logFile = join(sandbox.cloud.files.logs, 'load-balancer.log');
  await startDaemon(sandbox.id, cloudMember, process.execPath, args, { logFile });
  const ask = () => get(sandbox.cloud.run.bind(sandbox.cloud), `http://${cloudAddress}:${balancedPort}/`);
  await waitFor('the load balancer', async () => (await ask()) === 'web on idc-1', patience);

  // What the cloud's controller writes once its balancer stands: a pod that asks its
  // address need not leave the node.
  const path = '/api/v1/namespaces/default/services/outer';
  const service = JSON.parse(await kubectl(sandbox, ['get', '--raw', path])) as Record<string, unknown>;
  service.status = { loadBalancer: { ingress: [{ ip: '198.51.100.7' }] } };
  await kubectl(sandbox, ['replace', '--raw', `${path}/status`, '-f', '-'], JSON.stringify(service));
  const isKnown = async () => (await askFromPod('198.51.100.7', balancedPort)).endsWith('web on idc-1');
  await waitFor('its address on the node', isKnown, patience);
  // A label of that name would keep every load balancer away.
  expect(await field('node', node, '{.metadata.labels}')).not.toContain(
    'exclude-from-external-load-balancers',
  );
});

test('a pod that is not ready gets no traffic, and gets it again', async () => {
  const address = await clusterAddress('inner');
  const answers = async () => (await get(host.run.bind(host), `http://${address}/`)) === 'web on idc-1';
  await inPod('web', 'rm /tmp/ready');
  await waitFor('no answer', async () => !(await answers()), patience);
  await inPod('web', 'touch /tmp/ready');
  await waitFor('an answer', answers, patience);
});

test('a changed ConfigMap has reached the pod that ran all the while', async () => {
  const greeting = async () => (await inPod('web', 'cat /etc/settings/greeting')) === 'second';
  await waitFor('the new text', greeting, patience);
  expect(await field('pod', 'web', '{.status.containerStatuses[0].restartCount}')).toBe('0');
});

const servingScript =
  'mkdir -p /tmp/www && printf "web on $NODE_NAME" > /tmp/www/index.html && touch /tmp/ready && exec httpd -f -h /tmp/www -p 8080';

const configMap = (greeting: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings' },
  data: { greeting },
});
const secret = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'credentials' },
  stringData: { password: 'a b\u00e9' },
};
const nodeAffinity = {
  required: {
    nodeSelectorTerms: [
      { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] },
    ],
  },
};
const storage = { storageClassName: 'local-disk', accessModes: ['ReadWriteOnce'] };
const localVolume = {
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name: 'disk1' },
  spec: { ...storage, capacity: { storage: '1Gi' }, local: { path: '/srv/disk1' }, nodeAffinity },
};
const claim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data' },
  spec: { ...storage, resources: { requests: { storage: '1Gi' } } },
};
const service = (name: string, spec: object, port: object) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { selector: { app: 'web' }, ports: [{ targetPort: 8080, ...port }], ...spec },
});
const services = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    service('inner', { type: 'ClusterIP' }, { port: 80 }),
    service('node', { type: 'NodePort' }, { port: 80, nodePort }),
    service('outer', { type: 'LoadBalancer' }, { port: balancedPort }),
  ],
};

function pod(name: string, script = 'trap exit TERM; while :; do sleep 1; done'): object {
  const settings = { settings: '/etc/settings' };
  const all = {
    ...settings,
    credentials: '/etc/credentials',
    data: '/data',
    host: '/host',
    scratch: '/scratch',
  };
  const wanted = name === 'keeper' ? all : settings;
  const volumes = [
    { name: 'settings', configMap: { name: 'settings' } },
    { name: 'credentials', secret: { secretName: 'credentials', defaultMode: 0o400 } },
    { name: 'data', persistentVolumeClaim: { claimName: 'data' } },
    { name: 'host', hostPath: { path: '/srv/host', type: 'DirectoryOrCreate' } },
    { name: 'scratch', emptyDir: {} },
  ];
  const password = { secretKeyRef: { name: 'credentials', key: 'password' } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': node },
      terminationGracePeriodSeconds: 1,
      volumes: volumes.filter((volume) => volume.name in wanted),
      containers: [
        {
          name: 'main',
          image: busyboxImage,
          imagePullPolicy: 'Never',
          command: ['/bin/sh', '-c', script],
          env: [
            { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
            { name: 'PASSWORD', valueFrom: password },
          ],
          volumeMounts: Object.entries(wanted).map(([volume, mountPath]) => ({ name: volume, mountPath })),
          ...(name === 'web' && {
            readinessProbe: {
              exec: { command: ['test', '-e', '/tmp/ready'] },
              periodSeconds: 1,
              failureThreshold: 1,
            },
          }),
        },
      ],
    },
  };
}

async function apply(...objects: readonly object[]): Promise<void> {
  await host.run('mkdir', ['-p', '/srv/disk1']);
  const list = {
    apiVersion: 'v1',
    kind: 'List',
    items: objects.flatMap((one) => ('items' in one ? one.items : [one])),
  };
  await kubectl(sandbox, ['apply', '-f', '-'], JSON.stringify(list));
}

async function ready(...names: readonly string[]): Promise<void> {
  const pods = names.map((name) => `pod/${name}`);
  await kubectl(sandbox, ['wait', '--for=condition=Ready', ...pods, '--timeout=50s']);
}

async function inPod(name: string, script: string): Promise<string> {
  return (await kubectl(sandbox, ['exec', name, '--', 'sh', '-c', script])).trim();
}

function askFromPod(address: string, port: number): Promise<string> {
  return inPod('keeper', `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 ${address} ${port} || true`);
}

function field(kind: string, name: string, path: string): Promise<string> {
  return kubectl(sandbox, ['get', kind, name, '-o', `jsonpath=${path}`]);
}

function clusterAddress(name: string): Promise<string> {
  return field('service', name, '{.spec.clusterIP}');
}

async function get(run: SandboxHost['run'], url: string): Promise<string> {
  return (await run('curl', ['-s', '--max-time', '3', url])).stdout;
}
