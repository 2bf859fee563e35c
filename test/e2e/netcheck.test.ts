// The private line, measured on a real host over a line that is really bad: slow, lossy, narrow, with a
// smaller MTU, with UDP blocked one way or the other, through a proxy, through a tunnel, with a clock that is
// off. Then as a joined node, where the same becomes a condition of the Node. Nothing here asserts a speed:
// bounds are those that the made fault sets.
import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { measurementSchema } from '../../agent/state/line-measurement.ts';
import { ensurePackages } from '../../scripts/machine/apt.ts';
import { silentProgress } from '../../scripts/machine/progress.ts';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import {
  createJoinCommand,
  kubectl,
  pasteJoinCommand,
  payloadFile,
  regnodectl,
  waitForReady,
} from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';
import { shiftedClock } from './shifted-clock.ts';

const seenSchema = measurementSchema.extend({
  findings: z.array(z.object({ code: z.string(), severity: z.string(), message: z.string() })),
});
type Seen = z.infer<typeof seenSchema>;

const gatewayUrl = 'https://10.77.0.1';
const stranger = ['--gateway', gatewayUrl, '--ca-file', '/root/ca.pem'];
/** Generous limits for a busy machine; what a test is about is far beyond them. */
const poolLine = ['rttMs=150', 'jitterMs=5000', 'lossPercent=5', 'throughputMbps=0.1'];
const patienceMs = 90_000;

let sandbox: Sandbox;
let host: SandboxHost;

beforeAll(async () => {
  const limits = poolLine.flatMap((limit) => ['--line', limit]);
  // A kubelet that a test has stopped stays so: with "repair" an agent that begins would start it again.
  sandbox = await startReadySandbox({ name: 'e2e-netcheck', pool: [...limits, '--drift-policy', 'report'] });
  host = await sandbox.addHost({ name: 'idc-1' });
  await shell('mkdir -p /root/regnode');
  await host.copyIn(await payloadFile(), '/root/payload.tar.gz');
  await shell('mkdir -p /opt/regnode && tar -xzf /root/payload.tar.gz -C /opt/regnode');
  await shell(`curl -sk --max-time 20 ${gatewayUrl}/cacert > /root/ca.pem && grep -q BEGIN /root/ca.pem`);
});
afterAll(() => sandbox?.stop());

async function shell(input: string): Promise<string> {
  const { exitCode, stdout, stderr } = await host.run('bash', ['-s'], { input, timeoutMs: 120_000 });
  if (exitCode !== 0) throw new Error(`${input}: ${stderr || stdout}`);
  return stdout;
}

async function netcheck(
  args: readonly string[],
  environment: Record<string, string> = {},
): Promise<Seen & { exitCode: number | null }> {
  const asked = ['netcheck', ...args, '--json'];
  const { exitCode, stdout, stderr } = await host.run('/opt/regnode/bin/regnode', asked, {
    timeoutMs: 120_000,
    environment,
  });
  if (stdout === '') throw new Error(stderr);
  return { exitCode, ...seenSchema.parse(JSON.parse(stdout)) };
}

/** Until a look shows it: on a busy machine one may be spoiled by something else. */
function untilSeen(
  args: readonly string[],
  isSo: (seen: Seen & { exitCode: number | null }) => boolean,
  environment: Record<string, string> = {},
): Promise<Seen & { exitCode: number | null }> {
  let last: Seen | undefined;
  return waitFor(
    'the line to look so',
    async () => {
      const seen = await netcheck(args, environment);
      last = seen;
      return isSo(seen) && seen;
    },
    // More often would be more sessions than the gateway gives to one address.
    { timeoutMs: patienceMs, intervalMs: 3500, detail: async () => JSON.stringify(last, undefined, 1) },
  );
}

const codes = ({ findings }: Seen) => findings.map(({ code }) => code);
const quick = [...stranger, '--no-throughput'];

describe('before a join', () => {
  afterEach(() => host.shapeLink());

  test('a good line: everything is measured, and nothing is wrong but what a busy machine makes', async () => {
    const seen = await untilSeen(stranger, (one) => one.notMeasured.length === 0 && one.lossPercent === 0);
    expect(seen.hops.map(({ hop, fault }) => [hop, fault])).toEqual([
      ['route', undefined],
      ['tcp', undefined],
      ['tls', undefined],
      ['http', undefined],
    ]);
    expect(seen.route).toMatchObject({ device: 'eth0', source: host.address, mtuBytes: 1500 });
    expect(seen.roundTrip).toMatchObject({ over: 'udp', sent: 50, received: 50 });
    expect(seen.udp).toMatchObject({ port: 8472, outward: 'open', inward: 'open' });
    expect(seen.pathMtu).toEqual({
      bytes: 1500,
      method: 'udp',
      deviceBytes: 1500,
      podMtuBytes: 1450,
      vxlanFits: true,
    });
    // The same clock on both sides.
    expect(Math.abs(seen.clock?.offsetMs ?? Number.NaN)).toBeLessThanOrEqual(seen.clock?.uncertaintyMs ?? 0);
    expect(seen.throughput?.bytes).toBeLessThanOrEqual(22 * 1024 ** 2);
    expect(seen.throughput?.upMbps).toBeGreaterThan(0);
  });

  test('for people: in words, in both languages, and as a line a look', async () => {
    const say = (...args: string[]) =>
      shell(`/opt/regnode/bin/regnode netcheck ${[...quick, ...args].join(' ')} || [ $? = 5 ]`);
    expect(await say()).toMatch(/\[ok\] +path MTU +1500 {2}\(udp\) {2}VXLAN fits/);
    expect(await say('--language', 'zh')).toContain('路径 MTU');
    const lines = (await say('--every', '1s', '--rounds', '3', '--count', '5')).trim().split('\n');
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatch(/^\d\d:\d\d:\d\dZ {2}\[(ok|fail)\] +rtt /);
    // In a terminal the report stays in its place: the second look begins at the top of a cleared screen.
    const watched = await shell(
      `script -qec "/opt/regnode/bin/regnode netcheck ${quick.join(' ')} --every 1s --rounds 2 --count 5" /dev/null || true`,
    );
    expect(watched.split('\u001b[H\u001b[J')).toHaveLength(2);
  });

  test('a long way', async () => {
    await host.shapeLink({ delayMs: 110 });
    const seen = await untilSeen(quick, (one) => codes(one).includes('LINE_SLOW'));
    expect(seen.exitCode).toBe(5);
    expect(seen.roundTrip?.minMs).toBeGreaterThanOrEqual(215);
    expect(seen.udp).toMatchObject({ outward: 'open', inward: 'open' });
    expect(seen.pathMtu?.bytes).toBe(1500);
    expect(seen.hops.find(({ hop }) => hop === 'tcp')?.milliseconds).toBeGreaterThanOrEqual(215);
  });

  test('a way that loses packets: the loss is counted, and is not taken for an MTU', async () => {
    await host.shapeLink({ lossPercent: 10 });
    const seen = await untilSeen([...quick, '--count', '150'], (one) => codes(one).includes('LINE_LOSSY'));
    expect(seen.lossPercent).toBeGreaterThan(5);
    expect(seen.lossPercent).toBeLessThan(50);
    expect(codes(seen)).not.toContain('LINE_UDP_BLOCKED');
    await untilSeen(quick, (one) => one.pathMtu?.bytes === 1500);
  });

  test('a narrow way: no more than it carries, with few bytes', async () => {
    await host.shapeLink({ rateMbit: 2 });
    const seen = await untilSeen(stranger, (one) => one.throughput !== undefined);
    // Headers take their part, too; a burst in the queue of the line gives some back.
    expect(seen.throughput?.downMbps).toBeLessThan(4);
    expect(seen.throughput?.upMbps).toBeLessThan(4);
    expect(seen.throughput?.bytes).toBeLessThanOrEqual(1024 ** 2);
    expect(codes(seen)).toContain('LINE_THROUGHPUT_LOW');
  });

  test('a smaller MTU on the way, of which nobody tells the host: VXLAN does not fit', async () => {
    const mtu = (bytes: number) => sandbox.cloud.run('ip', ['link', 'set', 'host1', 'mtu', String(bytes)]);
    await mtu(1400);
    try {
      const seen = await untilSeen(quick, (one) => one.pathMtu?.bytes === 1400);
      expect(seen.pathMtu).toMatchObject({ deviceBytes: 1500, podMtuBytes: 1450, vxlanFits: false });
      expect(codes(seen)).toContain('LINE_VXLAN_TOO_LARGE');
      expect(seen.exitCode).toBe(5);
    } finally {
      await mtu(1500);
    }
    await untilSeen(quick, (one) => one.pathMtu?.bytes === 1500);
  });

  test('a smaller MTU that a router has told the kernel of', async () => {
    await shell(`ip route add 10.77.0.1/32 dev eth0 src ${host.address} mtu 1300`);
    try {
      const seen = await untilSeen(quick, (one) => one.pathMtu !== undefined);
      expect(seen.pathMtu).toMatchObject({ bytes: 1300, vxlanFits: false });
    } finally {
      await shell('ip route del 10.77.0.1/32 dev eth0');
    }
  });

  test.each([
    ['outward', 'OUTPUT', 'LINE_UDP_BLOCKED', { outward: 'blocked', inward: 'unknown' }],
    ['inward', 'INPUT', 'LINE_UDP_INBOUND_BLOCKED', { outward: 'open', inward: 'blocked' }],
  ])('UDP 8472 blocked %s', async (_, chain, code, udp) => {
    await shell(`iptables -I ${chain} -p udp --dport 8472 -j DROP`);
    try {
      const seen = await untilSeen(quick, (one) => codes(one).includes(code));
      expect(seen.udp).toMatchObject(udp);
      // The rest goes on without it.
      expect(seen.roundTrip?.over).toBe(chain === 'OUTPUT' ? 'https' : 'udp');
      expect(seen.clock).toBeDefined();
    } finally {
      await shell(`iptables -D ${chain} -p udp --dport 8472 -j DROP`);
    }
  });

  test('the VXLAN port taken, as on a node: the way in is not seen, and that is said', async () => {
    await shell(
      'systemd-run --quiet --unit=vxlan socat -u UDP-RECV:8472 OPEN:/dev/null && until ss -lun | grep -q :8472; do :; done',
    );
    try {
      const seen = await untilSeen(quick, (one) => one.udp?.inward === 'unknown');
      expect(seen.udp?.outward).toBe('open');
      expect(seen.notMeasured).toContainEqual({
        what: 'udp-inward',
        reason: 'UDP 8472 is in use here (by VXLAN)',
      });
      expect(codes(seen)).not.toContain('LINE_UDP_INBOUND_BLOCKED');
    } finally {
      await shell('systemctl stop vxlan');
    }
  });

  test.each([
    [
      'a tun device',
      'ip tuntap add vpn0 mode tun && ip address add 10.99.0.2/24 dev vpn0',
      'ip link del vpn0',
    ],
    [
      'a bridge over a tap device',
      'ip tuntap add vpn0 mode tap && ip link add vpnbr type bridge && ip link set vpn0 master vpnbr up && ip address add 10.99.0.2/24 dev vpnbr && ip link set vpnbr up',
      'ip link del vpnbr; ip link del vpn0',
    ],
  ])('%s in the route is refused, and nothing is measured', async (_, make, undo) => {
    await shell(make);
    const device = make.includes('vpnbr') ? 'vpnbr' : 'vpn0';
    try {
      await shell(`ip link set ${device} up && ip route add 10.77.0.1/32 dev ${device}`);
      const seen = await netcheck(quick);
      expect(seen.refused).toContain('PRIVATE_LINE');
      expect(seen.hops).toHaveLength(1);
      expect(seen.roundTrip).toBeUndefined();
      expect(seen.exitCode).toBe(5);
    } finally {
      await shell(undo);
    }
  });

  test('an IPsec policy over the address is refused too', async () => {
    await shell(
      'ip xfrm policy add src 10.77.0.0/24 dst 10.77.0.0/24 dir out tmpl proto esp mode transport level use',
    );
    try {
      expect((await netcheck(quick)).refused).toContain('PRIVATE_LINE');
    } finally {
      await shell('ip xfrm policy flush');
    }
  });

  test('a proxy in the way is a hop; one that refuses is where the way ends', async () => {
    const program = `require('http').createServer().on('connect', (request, socket) => {
      if (process.env.REFUSE) return socket.end('HTTP/1.1 403 Forbidden\\r\\n\\r\\n');
      const [name, port] = request.url.split(':');
      const far = require('net').connect(port, name, () => {
        socket.write('HTTP/1.1 200 Connection Established\\r\\n\\r\\n');
        far.pipe(socket).pipe(far);
      });
      for (const one of [far, socket]) one.on('error', () => {});
    }).listen(Number(process.env.PORT), '127.0.0.1');`;
    await writeFile(host.path('/root/proxy.cjs'), program);
    const start = (unit: string, more: string) =>
      `systemd-run --quiet --unit=${unit} ${more} /opt/regnode/bin/node /root/proxy.cjs`;
    await shell(start('proxy', '--setenv=PORT=3128'));
    await shell(start('refusing', '--setenv=PORT=3129 --setenv=REFUSE=1'));
    await shell('until ss -ltn | grep -q :3128 && ss -ltn | grep -q :3129; do sleep 0.1; done');
    const seen = await untilSeen(quick, (one) => one.roundTrip !== undefined, {
      HTTPS_PROXY: 'http://127.0.0.1:3128',
    });
    expect(seen.hops.map(({ hop }) => hop)).toEqual(['route', 'tcp', 'proxy', 'tls', 'http']);
    const refused = await netcheck(quick, { HTTPS_PROXY: 'http://127.0.0.1:3129' });
    expect(refused.hops.at(-1)).toMatchObject({ hop: 'proxy', fault: 'the proxy answered 403' });
    expect(codes(refused)).toEqual(['LINE_UNREACHABLE']);
    await shell('systemctl stop proxy refusing');
  });

  test('a clock that is off by a minute and a half is off by exactly that', async () => {
    await ensurePackages(['gcc', 'libc6-dev'], silentProgress);
    const seen = await untilSeen(
      quick,
      (one) => codes(one).includes('CLOCK_SKEWED'),
      await shiftedClock(host, -90),
    );
    const { offsetMs = 0, uncertaintyMs = 0 } = seen.clock ?? {};
    expect(Math.abs(offsetMs + 90_000)).toBeLessThanOrEqual(uncertaintyMs);
  });

  test('a gateway that answers no UDP: the rest is measured, and that is said', async () => {
    await sandbox.cloud.stopGateway();
    await sandbox.cloud.startGateway(['--probe-listen', 'off']);
    const seen = await untilSeen(quick, (one) => one.roundTrip !== undefined);
    expect(seen.roundTrip?.over).toBe('https');
    expect(seen.notMeasured.map(({ what }) => what)).toContain('udp');
    expect(codes(seen)).not.toContain('LINE_UDP_BLOCKED');
    await sandbox.cloud.stopGateway();
    const gone = await netcheck(quick);
    expect(gone.hops.at(-1)).toMatchObject({ hop: 'tcp', fault: 'ECONNREFUSED' });
    expect(gone.exitCode).toBe(5);
    await sandbox.cloud.startGateway();
  });
});

describe('of a joined node', () => {
  interface NodeCondition {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
    readonly message: string;
  }
  const condition = async (type: string): Promise<NodeCondition | undefined> => {
    const node = JSON.parse(await kubectl(sandbox, ['get', 'node', 'idc-1', '-o', 'json']));
    return (node.status.conditions as NodeCondition[]).find((one) => one.type === type);
  };
  /** Until the condition says so, and names the code if one is given. */
  const untilCondition = (type: string, status: string, code = '') =>
    waitFor(
      `${type}=${status} ${code}`,
      async () => {
        const found = await condition(type);
        return found?.status === status && `${found.reason} ${found.message}`.includes(code) && found;
      },
      {
        timeoutMs: 240_000,
        intervalMs: 1000,
        detail: () => shell('/opt/regnode/bin/regnode status || true'),
      },
    );

  test('the line is judged by the limits of its pool, as the node', async () => {
    await shell('rm -rf /opt/regnode');
    const joined = await pasteJoinCommand(host, await createJoinCommand(sandbox));
    expect(joined, joined.stdout + joined.stderr).toMatchObject({ exitCode: 0 });
    await waitForReady(sandbox, 'idc-1');
    const seen = await untilSeen(['--no-throughput'], (one) => one.notMeasured.length === 0);
    expect(seen.thresholds).toMatchObject({ rttMs: 150, lossPercent: 5, throughputMbps: 0.1 });
    expect(seen.udp).toMatchObject({ outward: 'open', inward: 'open' });
  });

  test('a slow line, a wrong clock and a kubelet that is silent are conditions of the Node, each told once, until they are over', async () => {
    const shifted = Object.entries(await shiftedClock(host, 90)).map(
      ([name, value]) => `Environment=${name}=${value}`,
    );
    const dropIn = '/etc/systemd/system/regnode.service.d/clock.conf';
    await shell(`mkdir -p ${dirname(dropIn)}`);
    await writeFile(host.path(dropIn), `[Service]\n${shifted.join('\n')}\n`);
    await shell('systemctl daemon-reload && systemctl restart regnode');
    await host.shapeLink({ delayMs: 110 });
    // One that was stopped would be started again.
    await host.freeze('kubelet');
    const gone = await untilCondition('KubeletUnhealthy', 'True');
    expect(gone).toMatchObject({ reason: 'KUBELET_UNHEALTHY' });
    await untilCondition('ClockSkewed', 'True', 'CLOCK_SKEWED');
    await untilCondition('LineDegraded', 'True', 'LINE_SLOW');
    const get = await regnodectl(sandbox, ['node', 'get', 'idc-1']);
    expect(get).toMatch(/KubeletUnhealthy +True \(KUBELET_UNHEALTHY\)/);

    const status = await host.run('/opt/regnode/bin/regnode', ['status', '--json']);
    expect(status.exitCode).toBe(5);
    const { health, line } = JSON.parse(status.stdout);
    expect(health.map(({ code }: { code: string }) => code)).toEqual(
      expect.arrayContaining(['KUBELET_UNHEALTHY', 'LINE_SLOW']),
    );
    expect(line.roundTrip.p50Ms).toBeGreaterThan(150);
    expect(Math.abs(line.clock.offsetMs - 90_000)).toBeLessThanOrEqual(line.clock.uncertaintyMs);

    await host.shapeLink();
    await shell(`rm -r ${dirname(dropIn)} && systemctl daemon-reload`);
    await host.thaw('kubelet');
    await untilCondition('KubeletUnhealthy', 'False');
    const events = JSON.parse(await kubectl(sandbox, ['get', 'events', '-o', 'json']));
    const told = (
      events.items as { reason: string; count: number; involvedObject: { kind: string } }[]
    ).filter(({ reason }) => reason === 'KUBELET_UNHEALTHY');
    expect(told.map(({ count, involvedObject }) => [count, involvedObject.kind])).toEqual([[1, 'Node']]);
  });

  test('an agent that is started again has forgotten nothing of it', async () => {
    const before = JSON.parse((await host.run('/opt/regnode/bin/regnode', ['status', '--json'])).stdout);
    const since = before.health.find(({ code }: { code: string }) => code === 'LINE_SLOW')?.since;
    await host.kill('regnode', 'SIGKILL');
    const after = await waitFor(
      'another agent to write its status',
      async () => {
        const { stdout } = await host.run('/opt/regnode/bin/regnode', ['status', '--json']);
        const status = stdout === '' ? undefined : JSON.parse(stdout);
        return status?.pid !== before.pid && status;
      },
      { timeoutMs: 60_000 },
    );
    // It may have cleared meanwhile; what is still there has not begun anew.
    const now = after.health?.find(({ code }: { code: string }) => code === 'LINE_SLOW');
    if (now !== undefined && since !== undefined) expect(now.since).toBe(since);
  });
});
