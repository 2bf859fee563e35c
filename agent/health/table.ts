// Every condition of a node, one row each: the condition of the Node that it belongs to, how bad it is, what
// it is a consequence of, and how long it has to last before anybody is told, and before it is over. A new
// one is a row here, its texts in protocol/catalogue/health.ts, and somebody who observes it.
import type { CheckCode } from '../preflight/messages/index.ts';
import type { CatalogueHealthCode, HealthCode, HealthCondition } from './condition.ts';

type Row = Omit<HealthCondition, 'code'>;

const secondMs = 1000;
const minuteMs = 60 * secondMs;

const ownRows: Readonly<Record<CatalogueHealthCode, Row>> = {
  TUNNEL_DOWN: row('TunnelDown', 'critical', 6 * secondMs, 0, 'LINE_UNREACHABLE'),
  CONTAINERD_UNHEALTHY: row('ContainerdUnhealthy', 'critical', 5 * secondMs, 3 * secondMs),
  KUBELET_UNHEALTHY: row(
    'KubeletUnhealthy',
    'critical',
    8 * secondMs,
    3 * secondMs,
    'CONTAINERD_UNHEALTHY',
    'DISK_FILLING',
  ),
  NODE_ABSENT: row('NodeAbsent', 'critical', 8 * secondMs, 0, 'KUBELET_UNHEALTHY', 'CONTAINERD_UNHEALTHY'),
  NO_POD_RUNS: row(
    'NoPodRuns',
    'critical',
    5 * secondMs,
    0,
    'KUBELET_UNHEALTHY',
    'CONTAINERD_UNHEALTHY',
    'TUNNEL_DOWN',
    'NODE_ABSENT',
  ),
  CILIUM_UNHEALTHY: row(
    'CiliumUnhealthy',
    'critical',
    2 * minuteMs,
    20 * secondMs,
    'KUBELET_UNHEALTHY',
    'CONTAINERD_UNHEALTHY',
    'DISK_FILLING',
  ),
  CERTIFICATE_NOT_RENEWED: row('CertificateNotRenewed', 'warning', 0, 0, 'TUNNEL_DOWN'),
  DISK_FILLING: row('DiskFilling', 'warning', 5 * secondMs, 5 * secondMs),
  SYSTEM_DISK_FULL: row('DiskFilling', 'critical', 5 * secondMs, 5 * secondMs),
  INODES_FILLING: row('DiskFilling', 'warning', 5 * secondMs, 5 * secondMs),
  LINE_UNREACHABLE: row(
    'LineDegraded',
    'critical',
    secondMs,
    0,
    'GATEWAY_ROUTE',
    'LINK_STATE',
    'PRIVATE_LINE',
  ),
  LINE_SLOW: row('LineDegraded', 'warning', minuteMs, 2 * minuteMs),
  LINE_JITTERY: row('LineDegraded', 'warning', 5 * minuteMs, 5 * minuteMs, 'LINE_LOSSY'),
  LINE_LOSSY: row('LineDegraded', 'warning', minuteMs, 2 * minuteMs),
  LINE_VXLAN_TOO_LARGE: row('LineDegraded', 'critical', 0, 0),
  LINE_UDP_BLOCKED: row('LineDegraded', 'critical', 2 * minuteMs, 0, 'LINE_UNREACHABLE'),
  LINE_UDP_INBOUND_BLOCKED: row('LineDegraded', 'critical', 2 * minuteMs, 0, 'LINE_UDP_BLOCKED'),
  LINE_THROUGHPUT_LOW: row('LineDegraded', 'warning', 0, 0),
  CLOCK_SKEWED: row('ClockSkewed', 'warning', secondMs, secondMs),
};

/** Preflight's checks that make sense on a living node; asked every few minutes, so once is enough. */
const checkRows: Readonly<Partial<Record<CheckCode, Row>>> = {
  SWAP: row('HostDegraded', 'warning', 0, 0),
  FREE_PIDS: row('HostDegraded', 'warning', 0, 0),
  RESOLVER: row('LineDegraded', 'warning', 0, 0),
  GATEWAY_ROUTE: row('LineDegraded', 'critical', 0, 0),
  PRIVATE_LINE: row('LineDegraded', 'critical', 0, 0, 'GATEWAY_ROUTE'),
  LINK_STATE: row('LineDegraded', 'critical', 0, 0, 'GATEWAY_ROUTE'),
  LINK_SPEED: row('LineDegraded', 'warning', 0, 0, 'GATEWAY_ROUTE'),
  LINE_MTU: row('LineDegraded', 'warning', 0, 0, 'GATEWAY_ROUTE'),
  // That nothing keeps the clock says nothing of the clock: it may be right to the millisecond.
  TIME_SYNC: row('HostDegraded', 'warning', 10 * minuteMs, 0),
};

export const healthTable: readonly HealthCondition[] = Object.entries({ ...ownRows, ...checkRows }).map(
  ([code, columns]) => ({ code: code as HealthCode, ...columns }),
);

function row(
  condition: string,
  severity: Row['severity'],
  visibleAfterMs: number,
  clearsAfterMs: number,
  ...dependsOn: readonly HealthCode[]
): Row {
  return { condition, severity, visibleAfterMs, clearsAfterMs, dependsOn };
}
