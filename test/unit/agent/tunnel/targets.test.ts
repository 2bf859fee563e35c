// What the gateway may reach on a host: its kubelet and its pods, and nothing that
// a gateway could name beside.
import { describe, expect, test } from 'vitest';
import { declaredPorts, type PodNetwork, sandboxNetwork } from '../../../../agent/host/cri.ts';
import type { NetworkInterface } from '../../../../agent/host/host.ts';
import { bytesField } from '../../../../agent/host/protobuf.ts';
import { kubeletAddress, ownTargets } from '../../../../agent/tunnel/targets.ts';
import { Fault } from '../../../../protocol/catalogue/fault.ts';

const uid = '8f3c5a04-1b2d-4c6e-9f80-5a1b2c3d4e5f';
const overlay: PodNetwork = { isOfHost: false, addresses: ['10.50.1.7', 'fd00:50::7'], ports: [] };
const ofHost: PodNetwork = { isOfHost: true, addresses: [], ports: [8443, 10_250, 294] };
const eth0 = { name: 'eth0', addresses: ['10.77.0.11/24', '127.0.0.1/8'] } as unknown as NetworkInterface;

async function resolve(target: string, pod: PodNetwork | undefined | Error): Promise<unknown> {
  const network = { interfaces: async () => [eth0] };
  const readPod = async (asked: string) => {
    expect(asked).toBe(uid);
    if (pod instanceof Error) throw pod;
    return pod;
  };
  const found = await ownTargets({ network: network as never }, readPod)({ target, reason: '' });
  return found instanceof Fault ? found.code : found;
}

test('the kubelet, by its word', async () => {
  expect(await resolve('kubelet', undefined)).toBe(kubeletAddress);
  for (const target of ['', 'kubelet/', 'api-server', '127.0.0.1:22', `pod/${uid}/localhost:80`])
    expect(await resolve(target, overlay), target).toBeUndefined();
});

describe('a pod', () => {
  test('of the overlay, at each of its addresses and at any port', async () => {
    expect(await resolve(`pod/${uid}/10.50.1.7:1`, overlay)).toEqual({ host: '10.50.1.7', port: 1 });
    expect(await resolve(`pod/${uid}/[fd00:50::7]:80`, overlay)).toEqual({ host: 'fd00:50::7', port: 80 });
  });

  test.each([
    ['another address than its own', `pod/${uid}/10.77.0.11:22`, overlay],
    ['one that does not run here', `pod/${uid}/10.50.1.7:80`, undefined],
    ['when the runtime does not answer', `pod/${uid}/10.50.1.7:80`, new Error('no answer')],
    ["an address that is none of the host's", `pod/${uid}/10.77.0.12:8443`, ofHost],
    ['loopback of the host', `pod/${uid}/127.0.0.1:8443`, ofHost],
  ])('not %s', async (_, target, pod) => {
    expect(await resolve(target, pod)).toBe('TUNNEL_TARGET_UNREACHABLE');
  });

  test('in the network of the host, at ports that it declares', async () => {
    expect(await resolve(`pod/${uid}/10.77.0.11:8443`, ofHost)).toEqual({ host: '10.77.0.11', port: 8443 });
  });

  test.each([22, 10_250, 294])('in the network of the host, not at %i', async (port) => {
    expect(await resolve(`pod/${uid}/10.77.0.11:${port}`, ofHost)).toBe('TUNNEL_TARGET_UNREACHABLE');
  });
});

describe('streams without end', () => {
  const uidOf = (index: number) => `${String(index).padStart(8, '0')}-1b2d-4c6e-9f80-5a1b2c3d4e5f`;

  /** A runtime that answers when it is told to. */
  function slowRuntime() {
    const asked: string[] = [];
    const answers: (() => void)[] = [];
    const readPod = (of: string) => {
      asked.push(of);
      return new Promise<PodNetwork>((resolve) => answers.push(() => resolve(overlay)));
    };
    const network = { interfaces: async () => [eth0] } as never;
    const resolveTarget = ownTargets({ network }, readPod);
    const open = async (of: string) => {
      const found = await resolveTarget({ target: `pod/${of}/10.50.1.7:80`, reason: '' });
      return found instanceof Fault ? found.code : found;
    };
    const answerAll = () => answers.splice(0).map((answer) => answer());
    return { asked, open, answerAll };
  }

  test('to ever other pods: few are asked for at a time, and the next when those are answered', async () => {
    const { asked, open, answerAll } = slowRuntime();
    const opened = Array.from({ length: 5000 }, (_, index) => open(uidOf(index)));
    expect(asked.length).toBe(32);
    answerAll();
    const found = await Promise.all(opened);
    expect(found.filter((one) => one === 'TUNNEL_TARGET_UNREACHABLE').length).toBe(5000 - 32);
    const next = open(uidOf(5000));
    answerAll();
    expect(await next).toEqual({ host: '10.50.1.7', port: 80 });
  });

  test('to one pod share the question that is under way, and so many wait for it', async () => {
    const { asked, open, answerAll } = slowRuntime();
    const opened = Array.from({ length: 5000 }, () => open(uid));
    expect(asked).toEqual([uid]);
    answerAll();
    const found = await Promise.all(opened);
    expect(found.filter((one) => typeof one === 'object').length).toBe(1024);
    const next = open(uid);
    expect(asked).toEqual([uid, uid]);
    answerAll();
    expect(await next).toEqual({ host: '10.50.1.7', port: 80 });
  });

  test('of which one question fails: the next stream asks again', async () => {
    let isAway = true;
    const network = { interfaces: async () => [eth0] } as never;
    const readPod = async () => {
      if (isAway) throw new Error('no answer');
      return overlay;
    };
    const resolveTarget = ownTargets({ network }, readPod);
    const target = { target: `pod/${uid}/10.50.1.7:80`, reason: '' };
    const [first, second] = await Promise.all([resolveTarget(target), resolveTarget(target)]);
    for (const found of [first, second]) expect(found).toBeInstanceOf(Fault);
    isAway = false;
    expect(await resolveTarget(target)).toEqual({ host: '10.50.1.7', port: 80 });
  });
});

describe('what the runtime says', () => {
  const number = (field: number, value: number) => Buffer.from([field << 3, value]);
  const status = (...parts: readonly Buffer[]) => bytesField(1, Buffer.concat(parts));

  test('of a pod with addresses of its own', () => {
    const network = Buffer.concat([bytesField(1, '10.50.1.7'), bytesField(2, bytesField(1, 'fd00:50::7'))]);
    // created_at (4), an int64 of nanoseconds: 1_796_069_007_693_000_000.
    const createdAt = Buffer.from([4 << 3, 0xc0, 0xc4, 0xb6, 0xd6, 0xbf, 0x9b, 0xbb, 0xf6, 0x18]);
    const message = status(bytesField(1, 'x'.repeat(200)), number(3, 0), createdAt, bytesField(5, network));
    expect(sandboxNetwork(message)).toEqual({ isOfHost: false, addresses: ['10.50.1.7', 'fd00:50::7'] });
  });

  test('of a pod in the network of the host', () => {
    const linux = bytesField(6, bytesField(1, bytesField(2, number(1, 2))));
    expect(sandboxNetwork(status(bytesField(5, ''), linux))).toEqual({ isOfHost: true, addresses: [] });
  });

  test('of the ports that containers declare, and nothing of what is no list of them', () => {
    const entry = (key: string, value: string) =>
      bytesField(9, Buffer.concat([bytesField(1, key), bytesField(2, value)]));
    const ports = (value: string) => bytesField(1, entry('io.kubernetes.container.ports', value));
    const listed = JSON.stringify([{ containerPort: 8443, protocol: 'TCP' }, { containerPort: '1' }, null]);
    const message = Buffer.concat([ports(listed), ports('{"containerPort":1}'), ports('[[')]);
    expect(declaredPorts(message)).toEqual([8443]);
    expect(declaredPorts(bytesField(1, entry('other', listed)))).toEqual([]);
  });
});
