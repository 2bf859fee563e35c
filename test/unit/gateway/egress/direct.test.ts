// The direct way of a CONNECT over real sockets: what it reaches, and what of this machine it never does.
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DirectWay, directObjection } from '../../../../gateway/egress/direct.ts';
import { kubeletPortOf } from '../../../../gateway/egress/kubelet-port.ts';
import { Fault } from '../../../../protocol/catalogue/fault.ts';
import { Loopback } from '../../tunnel/loopback.ts';

let loopback: Loopback;
let port: number;
let reached: number;
/** What a name resolves to; the address that is not loopback is this machine's only to the test. */
let resolved: string[];

const way: DirectWay = {
  isOwn: (address, at) => address === '10.77.0.1' && at === 443,
  lookup: (_host, _options, done) =>
    done(
      null,
      resolved.map((address) => ({ address, family: net.isIP(address) })),
    ),
};

beforeEach(async () => {
  reached = 0;
  const server = net.createServer((socket) => {
    reached += 1;
    socket.end('reached');
  });
  server.listen(0, '::');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
  loopback = await Loopback.start({}, { direct: way, directDialTimeoutMs: 500 });
  loopback.defer(() => server.close());
});
afterEach(() => loopback.close());

test.each(['127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '0.0.0.0', '[::]', '169.254.169.254', '[fe80::1]'])(
  '%s is refused with its code, and nothing is dialled',
  async (host) => {
    const { head } = await loopback.connect(`${host}:${port}`);
    expect(head).toMatch(/^HTTP\/1\.1 502 TUNNEL_TARGET_FORBIDDEN /);
    expect(reached).toBe(0);
    expect(loopback.gatewayAudit).toMatchObject([{ outcome: 'refused', address: '' }]);
  },
);

test.each(['100.100.100.200', '[fd00:ec2::254]', '[fd00:0ec2::0254]'])(
  '%s, where a cloud tells its machines who they are, is refused',
  async (host) => {
    const { head } = await loopback.connect(`${host}:80`);
    expect(head).toMatch(/^HTTP\/1\.1 502 TUNNEL_TARGET_FORBIDDEN .*metadata/);
  },
);

test.each([['127.0.0.1'], ['::1'], ['0.0.0.0'], ['169.254.0.1', '127.0.0.1']])(
  'a name that means %s is refused too',
  async (...addresses) => {
    resolved = addresses;
    const { head } = await loopback.connect(`inside.example.com:${port}`);
    expect(head).toMatch(/^HTTP\/1\.1 502 TUNNEL_TARGET_UNREACHABLE .* address/);
    expect(reached).toBe(0);
  },
);

test('where nobody is at an address that a kubelet has named for a pod, it is told why that does not count', async () => {
  await loopback.close();
  const otherwise = new Fault('TUNNEL_TARGET_FORBIDDEN', { target: '192.0.2.9:443', detail: 'no range' });
  const findPod = async () => ({ instead: { host: '192.0.2.9', port: 443 }, otherwise });
  loopback = await Loopback.start({}, { direct: way, findPod, doubtedDialTimeoutMs: 200 });
  const { head } = await loopback.connect('192.0.2.9:443');
  expect(head).toMatch(/^HTTP\/1\.1 502 TUNNEL_TARGET_FORBIDDEN .*no range/);
});

test("the gateway's own ports are no way, other ports of its machine are", () => {
  expect(directObjection('10.77.0.1', 443, way)).toContain('a port of this gateway');
  expect(directObjection('::ffff:10.77.0.1', 443, way)).toContain('a port of this gateway');
  expect(directObjection('10.77.0.1', 6443, way)).toBeUndefined();
  expect(directObjection('10.96.0.10', 443, way)).toBeUndefined();
  expect(directObjection('kubernetes', 443, way)).toBe('it is no IP address');
});

test('the port of a kubelet is what its Node says, unless that is a port of others', () => {
  const node = (Port: number) => ({
    metadata: { name: 'idc-1' },
    status: { daemonEndpoints: { kubeletEndpoint: { Port } } },
  });
  expect(kubeletPortOf(undefined)).toBe(10250);
  expect(kubeletPortOf({ metadata: { name: 'idc-1' } })).toBe(10250);
  expect(kubeletPortOf(node(10255))).toBe(10255);
  for (const port of [0, 22, 443, 1023, 65_536, -1, 10250.5, Number.NaN])
    expect(kubeletPortOf(node(port)), String(port)).toBe(10250);
});
