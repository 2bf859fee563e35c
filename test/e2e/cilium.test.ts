// Cilium as the gateway brings it. That a real API server takes every object, that drift is set right and
// that the last pool takes all of it along is always tried; that packets flow needs the images of a real
// Cilium, which REGNODE_CILIUM_IMAGES names (a docker-archive tar with agent and operator).
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { release } from 'node:os';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { output } from '../../scripts/machine/command.ts';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { runPod } from '../../scripts/sandbox/pod.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import {
  createJoinCommand,
  createPool,
  kubectl,
  pasteJoinCommand,
  poolName,
  regnodectl,
} from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';
import { difference, observe } from './observation.ts';

const namespace = 'regnode-cilium';

describe('a real API server', () => {
  let sandbox: Sandbox;

  beforeAll(async () => {
    sandbox = await startReadySandbox({ name: 'e2e-cilium', gateway: false });
    await sandbox.cloud.startGateway();
    await createPool(sandbox, 'tunnel', ['--network', 'cilium', '--api-server-access', 'tunnel']);
    await createPool(sandbox, poolName, ['--network', 'cilium', '--cilium-version', '1.17.9']);
    await createPool(sandbox, 'own');
    await waitFor(
      'the event that says what is missing',
      async () =>
        /CiliumNotApplied.*regnode-gateway setup/s.test(
          await kubectl(sandbox, ['get', 'events', '-o', 'json']),
        ),
      { timeoutMs: 60_000 },
    );
    await sandbox.cloud.setUpGateway();
  });
  afterAll(() => sandbox?.stop());

  const names = async () => {
    const own = ['-l', 'app.kubernetes.io/part-of=cilium', '-o', 'name'];
    const found = await kubectl(sandbox, [
      '-n',
      namespace,
      'get',
      'daemonsets,deployments,configmaps',
      ...own,
    ]);
    return found.trim().split('\n').filter(Boolean).sort();
  };
  const untilNames = (wanted: readonly string[]) =>
    waitFor(`exactly ${wanted.join(', ')}`, async () => `${await names()}` === `${wanted}`, {
      timeoutMs: 90_000,
    });
  const field = (kind: string, name: string, path: string) =>
    kubectl(sandbox, ['-n', namespace, 'get', kind, name, '-o', `jsonpath=${path}`]);

  const withBoth = [
    'configmap/cilium-config-idc',
    'configmap/cilium-config-tunnel',
    'configmap/cilium-kubeconfig-direct',
    'configmap/cilium-kubeconfig-tunnel',
    'daemonset.apps/cilium-idc',
    'daemonset.apps/cilium-tunnel',
    'deployment.apps/cilium-operator',
  ];

  test('takes what two pools want, and nothing for one that brings its own network', async () => {
    await untilNames(withBoth);
    expect(await field('daemonset', 'cilium-idc', '{.spec.template.spec.containers[0].image}')).toBe(
      'quay.io/cilium/cilium:v1.17.9',
    );
    const server = (access: string) =>
      field('configmap', `cilium-kubeconfig-${access}`, '{.data.kubeconfig}');
    expect(JSON.parse(await server('tunnel'))).toMatchObject({
      clusters: [{ cluster: { server: 'https://127.0.0.1:294' } }],
    });
    expect(JSON.parse(await server('direct'))).toMatchObject({
      clusters: [{ cluster: { server: sandbox.cloud.apiServerUrl } }],
    });
  });

  test('defaults that it adds are no drift: nothing is written again', async () => {
    const generation = () => field('daemonset', 'cilium-idc', '{.metadata.resourceVersion}');
    const before = await generation();
    // A change of any pool makes a round of its own.
    await regnodectl(sandbox, ['pool', 'set', 'tunnel', '--cilium-mtu', '1400']);
    await waitFor(
      'the round',
      async () => (await field('configmap', 'cilium-config-tunnel', '{.data.mtu}')) === '1400',
      {
        timeoutMs: 60_000,
      },
    );
    expect(await generation()).toBe(before);
  });

  test('what somebody changes or deletes comes back', async () => {
    const patch = ['-p', '{"data":{"routing-mode":"native"}}', '--type=merge'];
    await kubectl(sandbox, ['-n', namespace, 'patch', 'configmap', 'cilium-config-idc', ...patch]);
    await kubectl(sandbox, ['-n', namespace, 'delete', 'daemonset', 'cilium-idc']);
    await untilNames(withBoth);
    await waitFor(
      'the configuration',
      async () => (await field('configmap', 'cilium-config-idc', '{.data.routing-mode}')) === 'tunnel',
      { timeoutMs: 90_000 },
    );
  });

  test('a pool that wants another range of addresses is told by an event', async () => {
    await createPool(sandbox, 'other', ['--network', 'cilium', '--pod-cidr', '10.99.0.0/16']);
    await waitFor(
      'the event',
      async () => (await kubectl(sandbox, ['get', 'events', '-o', 'json'])).includes('CiliumRangeDiffers'),
      { timeoutMs: 60_000 },
    );
    await regnodectl(sandbox, ['pool', 'delete', 'other']);
  });

  test('the gateway may do so in that namespace alone, and Cilium what it needs', async () => {
    const may = async (user: string, verb: string, resource: string, more: readonly string[] = []) =>
      (await sandbox.cloud.kubectl(['auth', 'can-i', verb, resource, `--as=${user}`, ...more])).stdout.trim();
    const inside = ['-n', namespace];
    const account = (name: string) => `system:serviceaccount:${namespace}:${name}`;
    expect(await may('regnode-gateway', 'create', 'daemonsets', inside)).toBe('yes');
    expect(await may('regnode-gateway', 'create', 'daemonsets', ['-n', 'kube-system'])).toBe('no');
    expect(await may('regnode-gateway', 'create', 'pods', inside)).toBe('no');
    expect(await may(account('cilium'), 'watch', 'nodes')).toBe('yes');
    expect(await may(account('cilium'), 'get', 'secrets', ['-n', 'kube-system'])).toBe('no');
    expect(await may(account('cilium-operator'), 'create', 'customresourcedefinitions')).toBe('yes');
    expect(await may(account('cilium-operator'), 'update', 'leases', inside)).toBe('yes');
    expect(await may(account('cilium-operator'), 'get', 'secrets')).toBe('no');
  });

  test('beside a Cilium that the cluster has already there is none of ours, and the pool is told', async () => {
    const foreign = {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'cilium', namespace: 'kube-system' },
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'a', image: 'b' }] } },
      },
    };
    await kubectl(sandbox, ['apply', '-f', '-'], JSON.stringify(foreign));
    await regnodectl(sandbox, ['pool', 'set', poolName, '--cilium-mtu', '1300']);
    await waitFor(
      'the event',
      async () => (await kubectl(sandbox, ['get', 'events', '-o', 'json'])).includes('CiliumOfTheCluster'),
      { timeoutMs: 60_000 },
    );
    expect(await field('configmap', 'cilium-config-idc', '{.data.mtu}')).toBe('');
    await kubectl(sandbox, ['-n', 'kube-system', 'delete', 'daemonset', 'cilium']);
  });

  test('the last pool that wanted it takes all of it along', async () => {
    await regnodectl(sandbox, ['pool', 'delete', 'tunnel']);
    await untilNames(withBoth.filter((name) => !name.includes('tunnel')));
    await regnodectl(sandbox, ['pool', 'set', poolName, '--network', 'external']);
    await untilNames([]);
    await sandbox.cloud.setUpGateway();
    const may = ['auth', 'can-i', 'create', 'daemonsets', '--as=regnode-gateway', '-n', namespace];
    expect((await sandbox.cloud.kubectl(may)).stdout.trim()).toBe('no');
  });
});

describe('a host of such a pool', () => {
  const parameters = [
    'net.ipv4.conf.all.rp_filter',
    'net.ipv4.conf.default.rp_filter',
    'kernel.timer_migration',
  ];
  let sandbox: Sandbox;
  let host: SandboxHost;
  let before: Awaited<ReturnType<typeof observe>>;
  let parametersBefore: string;
  let joining: Promise<unknown>;

  const said = async (script: string) => {
    const result = await host.run('sh', ['-c', script]);
    if (result.exitCode !== 0) throw new Error(`${script}: ${result.stderr}`);
    return result.stdout.trim();
  };
  const parametersNow = () => said(`sysctl -n ${parameters.join(' ')}`);
  const condition = async () => {
    const { status } = JSON.parse(
      await kubectl(sandbox, ['get', 'registerednode', 'idc-1', '-o', 'json']),
    ) as {
      status: { conditions: { type: string; status: string }[] };
    };
    return status.conditions.find(({ type }) => type === 'CiliumUnhealthy')?.status;
  };

  beforeAll(async () => {
    // Images that nobody has: what the host is given must not depend on Cilium running.
    const images = [
      '--cilium-image',
      'none.invalid/cilium:1',
      '--cilium-operator-image',
      'none.invalid/operator:1',
    ];
    const pool = ['--network', 'cilium', ...images];
    sandbox = await startReadySandbox({ name: 'e2e-cilium-host', pool });
    await sandbox.cloud.setUpGateway();
    host = await sandbox.addHost({ name: 'idc-1', identity: 'tencentos-2.4' });
    await said('sysctl -w net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1');
    parametersBefore = await parametersNow();
    before = await observe(host);
    const command = await createJoinCommand(sandbox);
    // Without Cilium the node is not Ready, for which the command waits longer than we do.
    let printed = '';
    joining = pasteJoinCommand(host, command, {}, (line) => {
      printed += `${line}\n`;
    }).catch((error: unknown) => error);
    await waitFor(
      'the host to be configured',
      async () => /"phase":\s*"Running"/.test((await host.run('regnode', ['status', '--json'])).stdout),
      {
        timeoutMs: 240_000,
        intervalMs: 1000,
        detail: async () => `${printed}\n${(await host.run('regnode', ['status', '--json'])).stdout}`,
      },
    );
  });
  afterAll(() => sandbox?.stop());

  test('is prepared for it: file systems, parameters, no other network', async () => {
    expect(await said('findmnt -no FSTYPE /sys/fs/bpf')).toBe('bpf');
    expect(await said('findmnt -no FSTYPE /run/cilium/cgroupv2')).toBe('cgroup2');
    expect(await said('systemctl is-active regnode-bpffs.service run-cilium-cgroupv2.mount')).toBe(
      'active\nactive',
    );
    expect((await parametersNow()).split('\n').slice(0, 2)).toEqual(['0', '0']);
    expect(await said('ls /etc/cni/net.d')).toBe('');
  });

  test('gets the pod of the agent, and the operator its place', async () => {
    const placed = async (name: string) => {
      const pods = await kubectl(sandbox, ['-n', namespace, 'get', 'pods', '-l', name, '-o', 'wide']);
      return pods.includes('idc-1');
    };
    await waitFor('the agent', () => placed('k8s-app=cilium'), { timeoutMs: 60_000 });
    await waitFor('the operator', () => placed('name=cilium-operator'), { timeoutMs: 60_000 });
  });

  test('an agent that does not answer is a condition of the node, one that does is none', async () => {
    await waitFor('the condition', async () => (await condition()) === 'True', { timeoutMs: 240_000 });
    const script = [
      '#!/bin/sh',
      'while read -r line; do [ "$line" != "$(printf "\\r")" ] || break; done',
      'printf "HTTP/1.0 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n"',
    ];
    await host.run('sh', ['-c', 'cat > /run/answer.sh && chmod +x /run/answer.sh'], {
      input: script.join('\n'),
    });
    await said(
      'systemd-run --unit=answers socat TCP-LISTEN:9879,bind=127.0.0.1,fork,reuseaddr EXEC:/run/answer.sh',
    );
    await waitFor('it to clear', async () => (await condition()) === 'False', { timeoutMs: 120_000 });
    await said('systemctl stop answers; systemctl reset-failed answers 2>/dev/null; rm /run/answer.sh');
  });

  test('is given back whole, with what Cilium would have left', async () => {
    await said(`set -e
      mkdir -p /sys/fs/bpf/cilium/devices /sys/fs/bpf/cilium/socketlb/links /sys/fs/bpf/tc/globals /run/cilium/state/7
      echo '{}' > /run/cilium/state/7/ep_config.json
      echo '{"name":"cilium"}' > /etc/cni/net.d/05-cilium.conflist
      echo plugin > /opt/cni/bin/cilium-cni
      ip link add cilium_host type veth peer name cilium_net
      ip link add lxc_health type veth peer name lxc_peer
      tc qdisc add dev eth0 clsact || true
      ip rule add preference 9 fwmark 0x200/0xf00 lookup 2004
      iptables -N CILIUM_FORWARD
      iptables -A FORWARD -m comment --comment "cilium-feeder: CILIUM_FORWARD" -j CILIUM_FORWARD`);
    const rules = await said('ip rule');
    expect(rules).toContain('lookup 2004');
    const left = await host.run('regnode', ['leave', '--yes'], { timeoutMs: 180_000 });
    expect(left, left.stdout + left.stderr).toMatchObject({ exitCode: 0 });
    await joining;
    await host.run('/opt/regnode/uninstall.sh', [], { timeoutMs: 60_000 });
    expect(difference(before, await observe(host))).toEqual([]);
    expect(await parametersNow()).toBe(parametersBefore);
    expect(await said('ip rule')).not.toContain('2004');
    expect(await said('ls -A /sys/fs/bpf /run/cilium 2>/dev/null || true')).not.toMatch(/cilium|globals/);
  });
});

const images = process.env.REGNODE_CILIUM_IMAGES ?? '';

describe('real Cilium', () => {
  let sandbox: Sandbox | undefined;
  afterAll(() => sandbox?.stop());

  /** RepoTags of a docker-archive. */
  const tagOf = async (wanted: RegExp): Promise<string> => {
    const manifest = JSON.parse(await output('tar', ['-xOf', images, 'manifest.json'])) as {
      RepoTags: string[];
    }[];
    const tag = manifest.flatMap(({ RepoTags }) => RepoTags).find((one) => wanted.test(one));
    if (tag === undefined) throw new Error(`${images} holds no image that matches ${wanted}`);
    return tag;
  };

  test.skipIf(images === '')(
    'carries packets between pods of two hosts, to a ClusterIP and through a NodePort',
    async () => {
      expect(readFileSync(images).length).toBeGreaterThan(0);
      const operator = await tagOf(/operator/);
      const agent = await tagOf(/cilium(?!.*operator)/);
      const pool = [
        ...['--network', 'cilium', '--cilium-image', agent, '--cilium-operator-image', operator],
        ...['--cilium-version', process.env.REGNODE_CILIUM_VERSION ?? '1.17.9'],
      ];
      const started = await startReadySandbox({ name: 'e2e-cilium-real', pool });
      sandbox = started;
      await started.cloud.setUpGateway();
      const command = await createJoinCommand(started, ['--uses', '2']);
      const names = ['idc-1', 'idc-2'];
      await Promise.all(
        names.map(async (name) => {
          const host = await started.addHost({ name });
          await nameBuiltIns(host);
          const joining = pasteJoinCommand(host, command);
          const ctr = '/opt/regnode/components/containerd/current/bin/ctr';
          await waitFor(
            `containerd on ${name}`,
            async () => (await host.run(ctr, ['version'])).exitCode === 0,
            { timeoutMs: 180_000, intervalMs: 1000 },
          );
          await host.importImage(images, ctr);
          const joined = await joining;
          expect(joined, joined.stdout + joined.stderr).toMatchObject({ exitCode: 0 });
        }),
      );
      await Promise.all(names.map((name) => runPod(started, `on-${name}`, name, servingScript)));
      const service = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'answers' },
        spec: {
          type: 'NodePort',
          selector: { app: 'on-idc-2' },
          ports: [{ port: 80, targetPort: 8080, nodePort: 30080 }],
        },
      };
      await kubectl(started, ['apply', '-f', '-'], JSON.stringify(service));
      const field = (kind: string, name: string, path: string) =>
        kubectl(started, ['get', kind, name, '-o', `jsonpath=${path}`]);
      const targets = [
        [await field('pod', 'on-idc-2', '{.status.podIP}'), 8080],
        [await field('service', 'answers', '{.spec.clusterIP}'), 80],
        [started.host('idc-1').address, 30080],
        [started.host('idc-2').address, 30080],
      ] as const;
      for (const [address, port] of targets) {
        const request = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 ${address} ${port}`;
        await waitFor(
          `an answer from ${address}:${port}`,
          async () => {
            const asked = await started.cloud.kubectl(['exec', 'on-idc-1', '--', 'sh', '-c', request], {
              timeoutMs: 15_000,
            });
            return asked.stdout.includes('from idc-2');
          },
          { timeoutMs: 120_000 },
        );
      }
      const left = await started.host('idc-1').run('regnode', ['leave', '--yes'], { timeoutMs: 240_000 });
      expect(left, left.stdout + left.stderr).toMatchObject({ exitCode: 0 });
      const links = await started.host('idc-1').run('ip', ['-o', 'link']);
      expect(links.stdout).not.toMatch(/cilium|lxc/);
    },
  );
});

const servingScript =
  'mkdir -p /tmp/www && echo "from $NODE_NAME" > /tmp/www/index.html && exec httpd -f -h /tmp/www -p 8080';

/** A kernel without modules has them built in, which Cilium believes only when it is written down. */
async function nameBuiltIns(host: SandboxHost): Promise<void> {
  const names = ['ip_tables', 'iptable_filter', 'iptable_mangle', 'iptable_nat', 'iptable_raw'];
  const more = ['ip6_tables', 'xt_socket', 'xt_mark', 'xt_comment', 'vxlan', 'cls_bpf', 'sch_ingress'];
  const file = host.path(`/lib/modules/${release()}/modules.builtin`);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, [...names, ...more].map((name) => `kernel/net/${name}.ko\n`).join(''));
}
