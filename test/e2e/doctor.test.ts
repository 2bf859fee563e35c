// The doctor on a real joined host: each hop is really broken, one at a time, and the doctor names it;
// after the repair it says that all is well. Three faults are stood in for, as near to the real thing
// as one machine allows: the clock that is off is the gateway's (the host shares the machine's, which
// must not be set); the certificate that expired is one for the node's own key that the gateway's real
// CA signed a hundred days ago; the disk that fills is a file system of the host's own whose size is
// taken down to what is used.
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DoctorReport, doctorReportSchema } from '../../agent/doctor/report-schema.ts';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { runPod } from '../../scripts/sandbox/pod.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import {
  createJoinCommand,
  kubectl,
  pasteJoinCommand,
  poolName,
  waitForReady,
} from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { shiftedClock } from '../../scripts/sandbox/shifted-clock.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';

const checkout = new URL('../..', import.meta.url).pathname;
const gatewayName = 'gateway.cloud.test';
const gatewayArguments = ['--public-url', `https://${gatewayName}`];
const certificate = '/var/lib/regnode/identity/certificate.pem';
const repairedMs = 120_000;

let sandbox: Sandbox;
let host: SandboxHost;

beforeAll(async () => {
  // What is stopped here stays so until the doctor has looked.
  const pool = ['--drift-policy', 'report'];
  sandbox = await startReadySandbox({ name: 'e2e-doctor', gateway: gatewayArguments, pool });
  const { cloud } = sandbox;
  host = await sandbox.addHost({ name: 'idc-1' });
  await shell(`echo ${cloud.address} ${gatewayName} >> /etc/hosts`);
  await shell('mount -t tmpfs -o size=9g,mode=711 tmpfs /var/lib/containerd');
  const joined = await pasteJoinCommand(host, await createJoinCommand(sandbox));
  expect(joined, joined.stdout + joined.stderr).toMatchObject({ exitCode: 0 });
  await waitForReady(sandbox, 'idc-1');
  await runPod(sandbox, 'patient', 'idc-1');
});
afterAll(() => sandbox?.stop());

test('a joined host is well, hop by hop', async () => {
  const report = await well();
  expect(report.hops.map(({ hop, verdict }) => [hop, verdict])).toEqual(
    ['host', 'line', 'gateway', 'api-server', 'kubelet', 'runtime', 'cni', 'pod'].map((hop) => [hop, 'ok']),
  );
  const told = await host.run('regnode', ['doctor', '--language', 'zh']);
  expect(told).toMatchObject({ exitCode: 0 });
  expect(told.stdout).toContain('一切正常');
});

interface BrokenHop {
  readonly what: string;
  readonly hop: string;
  readonly code: string;
  readonly make: () => Promise<unknown>;
  readonly repair: () => Promise<unknown>;
  /** What else the report must say. */
  readonly says?: RegExp;
}

const faults: readonly BrokenHop[] = [
  {
    what: 'the gateway is stopped',
    hop: 'gateway',
    code: 'GATEWAY_CONNECTION',
    make: () => sandbox.cloud.stopGateway(),
    repair: () => sandbox.cloud.startGateway(gatewayArguments),
    says: /ECONNREFUSED/,
  },
  {
    what: 'the clock is off by an hour',
    hop: 'host',
    code: 'TIME_SKEW',
    make: async () => {
      await sandbox.cloud.stopGateway();
      await sandbox.cloud.startGateway(gatewayArguments, await shiftedClock(3600));
    },
    repair: async () => {
      await sandbox.cloud.stopGateway();
      await sandbox.cloud.startGateway(gatewayArguments);
    },
    says: /-3(59\d|60\d)/,
  },
  {
    what: 'the name server does not know the gateway',
    hop: 'line',
    code: 'GATEWAY_NAME',
    make: () => shell(`sed -i.kept /${gatewayName}/d /etc/hosts`),
    repair: () => shell('cat /etc/hosts.kept > /etc/hosts && rm /etc/hosts.kept'),
  },
  {
    what: 'the name of the gateway leads to another address',
    hop: 'gateway',
    code: 'GATEWAY_CONNECTION',
    make: () => shell(`sed -i.kept 's/.* ${gatewayName}/10.77.0.250 ${gatewayName}/' /etc/hosts`),
    repair: () => shell('cat /etc/hosts.kept > /etc/hosts && rm /etc/hosts.kept'),
    says: /"what":"gatewayAddresses","was":"10.77.0.1","is":"10.77.0.250"/,
  },
  {
    what: 'the certificate of the node has expired',
    hop: 'gateway',
    code: 'NODE_CERTIFICATE',
    make: async () => {
      const pem = (await host.run('cat', [certificate])).stdout;
      const key = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'pem' });
      const { cloud } = sandbox;
      const script = [
        `${checkout}test/e2e/expired-certificate.ts`,
        cloud.adminKubeconfig,
        'idc-1',
        poolName,
        key,
      ];
      const expired = await cloud.run(process.execPath, script as string[], { cwd: checkout });
      expect(expired, expired.stderr).toMatchObject({ exitCode: 0 });
      await shell(`cp -p ${certificate} ${certificate}.kept && cat > ${certificate}`, expired.stdout);
      await shell('systemctl restart regnode');
    },
    repair: () => shell(`mv ${certificate}.kept ${certificate} && systemctl restart regnode`),
    says: /"what":"certificate"/,
  },
  {
    what: 'regnode is stopped',
    hop: 'gateway',
    code: 'AGENT_SERVICE',
    make: () => shell('systemctl stop regnode'),
    repair: () => shell('systemctl start regnode'),
    says: /"unit":"regnode","text":"Stopped/,
  },
  {
    what: 'the API server cannot be reached',
    hop: 'api-server',
    code: 'API_SERVER_CONNECTION',
    make: () => shell('iptables -I OUTPUT -p tcp --dport 6443 -j DROP'),
    repair: () => shell('iptables -D OUTPUT -p tcp --dport 6443 -j DROP'),
    says: /ETIMEDOUT/,
  },
  {
    what: 'the kubelet is stopped',
    hop: 'kubelet',
    code: 'KUBELET_SERVICE',
    make: () => shell('systemctl stop kubelet'),
    repair: () => shell('systemctl start kubelet'),
    says: /"unit":"kubelet","text":"Stopped/,
  },
  {
    what: 'port 10250 is blocked',
    hop: 'kubelet',
    code: 'KUBELET_PORT',
    make: () => shell('iptables -I INPUT -p tcp --dport 10250 -j DROP'),
    repair: () => shell('iptables -D INPUT -p tcp --dport 10250 -j DROP'),
  },
  {
    what: 'containerd is frozen',
    hop: 'runtime',
    code: 'CONTAINERD_ANSWER',
    make: () => host.freeze('containerd'),
    repair: () => host.thaw('containerd'),
    says: /SIGCONT/,
  },
  {
    what: 'the configuration of the pods’ network is gone',
    hop: 'cni',
    code: 'CNI_CONFIGURATION',
    make: () => shell('mv /etc/cni/net.d/10-sandbox.conflist /root/'),
    // Written, not moved: containerd 1.6 does not notice what is moved there.
    repair: () => shell('cat /root/10-sandbox.conflist > /etc/cni/net.d/10-sandbox.conflist'),
    says: /"hop":"cni","what":"configuration"/,
  },
  {
    what: 'the MTU is too small',
    hop: 'line',
    code: 'LINE_MTU',
    make: () => shell('ip link set eth0 mtu 1200'),
    repair: () => shell('ip link set eth0 mtu 1500'),
    says: /"what":"mtu","was":"1500","is":"1200"/,
  },
  {
    what: 'the cable is cut',
    hop: 'line',
    code: 'LINK_STATE',
    make: () => host.cutLink(),
    repair: () => host.restoreLink(),
  },
  {
    what: 'an image cannot be pulled',
    hop: 'pod',
    code: 'POD_IMAGES',
    make: () => kubectl(sandbox, ['apply', '-f', '-'], JSON.stringify(podOfNowhere)),
    repair: () => kubectl(sandbox, ['delete', 'pod', 'nowhere', '--grace-period=0', '--force']),
    says: /registry\.nowhere\.test\/image:1/,
  },
  {
    what: 'the disk under /var/lib/containerd is full',
    hop: 'host',
    code: 'NODE_DISK',
    make: () =>
      shell('mount -o remount,size=$(($(du -sk /var/lib/containerd | cut -f1) + 200))k /var/lib/containerd'),
    repair: () => shell('mount -o remount,size=9g /var/lib/containerd'),
    says: /\/var\/lib\/containerd/,
  },
];

describe('a hop that is really broken', () => {
  test.each(faults)('$what: $code', async ({ hop, code, make, repair, says }) => {
    await make();
    try {
      const report = await named(code);
      expect(report.cause).toEqual({ hop, code });
      const check = report.hops.flatMap(({ checks }) => checks).find((one) => one.code === code);
      expect(check?.commands).not.toEqual([]);
      if (says !== undefined) expect(JSON.stringify(report)).toMatch(says);
    } finally {
      await repair();
    }
    await well();
  });
});

test('somebody who may not read a node’s files is told so', async () => {
  const asNobody = await host.run('setpriv', [
    '--reuid=65534',
    '--clear-groups',
    'regnode',
    'doctor',
    '--json',
  ]);
  expect(asNobody.exitCode).toBe(2);
  expect(asNobody.stdout).toContain('NOT_ROOT');
});

const podOfNowhere = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'nowhere' },
  spec: {
    nodeSelector: { 'kubernetes.io/hostname': 'idc-1' },
    tolerations: [{ operator: 'Exists' }],
    containers: [{ name: 'main', image: 'registry.nowhere.test/image:1' }],
  },
};

async function doctor(): Promise<{ report: DoctorReport; exitCode: number | null }> {
  const { stdout, stderr, exitCode } = await host.run('regnode', ['doctor', '--json'], { timeoutMs: 60_000 });
  if (stdout === '') throw new Error(`the doctor said nothing: ${stderr}`);
  return { report: doctorReportSchema.parse(JSON.parse(stdout)), exitCode };
}

/** A fault may need a moment until it shows (a pull that fails, a node that is told NotReady). */
async function named(code: string): Promise<DoctorReport> {
  let last: DoctorReport | undefined;
  return waitFor(
    `the doctor to name ${code}`,
    async () => {
      const { report, exitCode } = await doctor();
      last = report;
      expect(exitCode).toBe(report.verdict === 'well' ? 0 : 5);
      return report.cause?.code === code && report;
    },
    { timeoutMs: 60_000, intervalMs: 500, detail: () => findingsOf(last) },
  );
}

async function well(): Promise<DoctorReport> {
  let last: DoctorReport | undefined;
  return waitFor(
    'all to be well',
    async () => {
      const { report } = await doctor();
      last = report;
      return report.verdict === 'well' && report;
    },
    { timeoutMs: repairedMs, intervalMs: 500, detail: () => findingsOf(last) },
  );
}

function findingsOf(report: DoctorReport | undefined): string {
  const checks = report?.hops.flatMap((hop) => hop.checks) ?? [];
  return checks
    .flatMap(({ code, verdict, message }) => (message ? [`${verdict} ${code}: ${message}`] : []))
    .join('\n');
}

async function shell(script: string, input?: string): Promise<string> {
  const result = await host.run('sh', ['-c', script], { ...(input !== undefined && { input }) });
  if (result.exitCode !== 0) throw new Error(`${script}: ${result.stderr}`);
  return result.stdout;
}
