// Counts sockets by kind, and reads the protocol counters that show trouble on a line:
// retransmissions, resets, listen queues that overflow. It never reads /proc/net/tcp, whose length
// is the number of connections.
import { type Collector, counter, fields, gauge, lines, type RecordShape } from './collector.ts';

const sockstat = [
  ['sockets', 'used'],
  ['TCP', 'inuse'],
  ['TCP', 'orphan'],
  ['TCP', 'tw'],
  ['TCP', 'alloc'],
  ['TCP', 'mem'],
  ['UDP', 'inuse'],
  ['UDP', 'mem'],
] as const;

const protocols = [
  ['Tcp', 'ActiveOpens'],
  ['Tcp', 'PassiveOpens'],
  ['Tcp', 'CurrEstab'],
  ['Tcp', 'InSegs'],
  ['Tcp', 'OutSegs'],
  ['Tcp', 'RetransSegs'],
  ['Tcp', 'InErrs'],
  ['Tcp', 'OutRsts'],
  ['Udp', 'InDatagrams'],
  ['Udp', 'OutDatagrams'],
  ['Udp', 'InErrors'],
  ['Udp', 'NoPorts'],
  ['Udp', 'RcvbufErrors'],
  ['Udp', 'SndbufErrors'],
  ['Ip', 'Forwarding'],
  ['TcpExt', 'ListenOverflows'],
  ['TcpExt', 'ListenDrops'],
  ['TcpExt', 'TCPTimeouts'],
  ['TcpExt', 'TCPSynRetrans'],
  ['TcpExt', 'SyncookiesSent'],
  ['IpExt', 'InOctets'],
  ['IpExt', 'OutOctets'],
] as const;
const gauges = new Set(['CurrEstab', 'Forwarding']);

const shape: RecordShape = {
  family: 'sockets',
  labelNames: [],
  columns: [
    ...sockstat.map(([kind, name]) => gauge(`node_sockstat_${kind}_${name}`)),
    ...protocols.map(([kind, name]) => (gauges.has(name) ? gauge : counter)(`node_netstat_${kind}_${name}`)),
  ],
};

export const sockets: Collector = {
  name: 'sockets',
  shapes: [shape],
  collect({ procfs, sink, fault }) {
    const text = procfs.text('/proc/net/sockstat');
    if (text === undefined) return fault();
    const inUse = readSockstat(text);
    const counts = new Map([
      ...readPairs(procfs.text('/proc/net/snmp')),
      ...readPairs(procfs.text('/proc/net/netstat')),
    ]);
    sink.put(
      shape,
      [],
      [
        ...sockstat.map(([kind, name]) => inUse.get(`${kind} ${name}`) ?? Number.NaN),
        ...protocols.map(([kind, name]) => counts.get(`${kind} ${name}`) ?? Number.NaN),
      ],
    );
  },
};

/** `TCP: inuse 4 orphan 0`: names and numbers in turn. */
function readSockstat(text: string): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const line of lines(text)) {
    const [kind = '', ...rest] = fields(line);
    for (let index = 0; index + 1 < rest.length; index += 2) {
      numbers.set(`${kind.replace(':', '')} ${rest[index]}`, Number(rest[index + 1]));
    }
  }
  return numbers;
}

/** Two lines per protocol: names, then numbers in the same order. */
function readPairs(text: string | undefined): Map<string, number> {
  const numbers = new Map<string, number>();
  const all = lines(text);
  for (let index = 0; index + 1 < all.length; index += 2) {
    const names = fields(all[index] ?? '');
    const values = fields(all[index + 1] ?? '');
    const kind = names[0]?.replace(':', '') ?? '';
    for (let column = 1; column < names.length; column += 1) {
      numbers.set(`${kind} ${names[column]}`, Number(values[column] ?? 'absent'));
    }
  }
  return numbers;
}
