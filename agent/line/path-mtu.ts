// The largest packet that the way to the gateway and back takes whole. Node cannot ask the kernel never to
// fragment, and need not: Linux marks a datagram "do not fragment" as long as it fits the path MTU that is
// known for its route (net.ipv4.ip_no_pmtu_disc = 0), so a size that is answered has passed unless the
// route's MTU has shrunk below it meanwhile, which is looked at each time. On the way back fragments show in
// this host's own reassembly counter.
import { isIPv6 } from 'node:net';
import type { Host } from '../host/host.ts';
import type { Conversation, ProbeTarget } from './conversation.ts';

/** Of IP and UDP (or ICMP). */
const headerBytes = (address: string) => (isIPv6(address) ? 48 : 28);
/** Every host takes this; nothing smaller is looked for. */
const smallestBytes = (address: string) => (isIPv6(address) ? 1280 : 576);
const largestBytes = 9216;

export interface PathMtuSearch {
  readonly host: Host;
  readonly conversation: Conversation;
  readonly target: ProbeTarget;
  readonly deviceMtuBytes: number;
  readonly roundTripMs: number;
  readonly lossPercent: number;
}

/** undefined when no size at all came through, or the kernel does not mark datagrams. */
export async function searchPathMtu(search: PathMtuSearch): Promise<number | undefined> {
  if (((await search.host.sysctl('net.ipv4.ip_no_pmtu_disc')) ?? '0') !== '0') return undefined;
  const highest = Math.min(search.deviceMtuBytes, largestBytes);
  const smallest = smallestBytes(search.target.address);
  const there = await largestOf(smallest, highest, (bytes) => passesThere(search, bytes));
  if (there === undefined) return undefined;
  const back = await largestOf(smallest, there, (bytes) => passesBack(search, bytes));
  return back === undefined ? smallest : Math.min(there, back);
}

/** The largest size between the two for which `passes` holds; most lines take the highest at once. */
export async function largestOf(
  lowest: number,
  highest: number,
  passes: (bytes: number) => Promise<boolean>,
): Promise<number | undefined> {
  if (await passes(highest)) return highest;
  if (highest <= lowest || !(await passes(lowest))) return undefined;
  let [good, bad] = [lowest, highest];
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (await passes(middle)) good = middle;
    else bad = middle;
  }
  return good;
}

async function passesThere(search: PathMtuSearch, bytes: number): Promise<boolean> {
  if (!(await isAnswered(search, 'echo', bytes))) return false;
  // A router may have told the kernel meanwhile: then later copies went in fragments.
  const { mtuBytes } = (await search.host.network.routeTo(search.target.address)) ?? {};
  return mtuBytes === undefined || mtuBytes >= bytes;
}

async function passesBack(search: PathMtuSearch, bytes: number): Promise<boolean> {
  const before = await reassembled(search.host);
  if (!(await isAnswered(search, 'full', bytes))) return false;
  return (await reassembled(search.host)) === before;
}

/** Several copies at once: one that was lost for another reason must not look like one that was too large. */
async function isAnswered(search: PathMtuSearch, kind: 'echo' | 'full', bytes: number): Promise<boolean> {
  const { conversation, roundTripMs, lossPercent, target } = search;
  const copies = lossPercent < 1 ? 3 : lossPercent < 10 ? 6 : 12;
  const timeoutMs = Math.max(150, roundTripMs * 3);
  const asked = Array.from({ length: copies }, async () => {
    const answer = await conversation
      .ask(kind, bytes - headerBytes(target.address), timeoutMs)
      .catch(() => undefined);
    if (answer === undefined) throw new Error('no answer');
  });
  return Promise.any(asked).then(
    () => true,
    () => false,
  );
}

/** How many packets this network namespace has put together from fragments. */
async function reassembled(host: Host): Promise<string> {
  const six = /^Ip6ReasmOKs\s+(\d+)/m.exec((await host.files.readText('/proc/net/snmp6')) ?? '')?.[1] ?? '';
  const lines = ((await host.files.readText('/proc/net/snmp')) ?? '').split('\n');
  const [names, values] = lines.filter((line) => line.startsWith('Ip:')).map((line) => line.split(' '));
  return `${values?.[names?.indexOf('ReasmOKs') ?? -1] ?? ''} ${six}`;
}

/** By iputils, where UDP cannot tell: echo requests that may not be fragmented. undefined without `ping`. */
export async function pingPathMtu(
  host: Host,
  address: string,
  deviceMtuBytes: number,
): Promise<number | undefined> {
  const passes = async (bytes: number) => {
    const args = [
      '-n',
      '-q',
      '-M',
      'do',
      '-c',
      '2',
      '-i',
      '0.2',
      '-W',
      '1',
      '-s',
      String(bytes - headerBytes(address)),
      address,
    ];
    const { exitCode } = await host.processes.run('ping', args, { timeoutMs: 5000 });
    return exitCode === 0;
  };
  return largestOf(smallestBytes(address), Math.min(deviceMtuBytes, largestBytes), passes);
}
