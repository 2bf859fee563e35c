// The way to the gateway, hop by hop, until one fails: route, name, proxy, TCP, TLS, HTTP. One request
// tells the last four. The rule of the private line stands before everything: what goes through a VPN
// is refused and not measured.
import { Fault, type FaultValues, fill } from '../../protocol/catalogue/fault.ts';
import type { Proxy as WebProxy } from '../config/proxy.ts';
import type { Host } from '../host/host.ts';
import { problemMessages } from '../preflight/messages/index.ts';
import { isAddress } from '../preflight/observation/addresses.ts';
import { errorCode, type GatewayTarget, gatewayTarget } from '../preflight/observation/gateway.ts';
import { linkNamed } from '../preflight/observation/links.ts';
import { runPreflight } from '../preflight/runner.ts';
import type { Hop } from '../state/line-measurement.ts';
import { rounded } from './statistics.ts';

const timeoutMs = 5000;

export interface Way {
  readonly hops: readonly Hop[];
  readonly route?: { device: string; source: string; mtuBytes: number; address: string };
  readonly refused?: string;
  /** False: the gateway was not reached, for the reason of the last hop. */
  readonly isOpen: boolean;
}

export interface WayOptions {
  readonly gatewayUrl: string;
  readonly caPem?: string | undefined;
  readonly proxy: WebProxy | undefined;
  readonly signal: AbortSignal;
}

export async function walk(host: Host, options: WayOptions): Promise<Way> {
  const target = gatewayTarget(options);
  if (target === undefined)
    throw new Fault('USAGE', { detail: `"${options.gatewayUrl}" is no https:// URL` });
  const hops: Hop[] = [];
  const dns = await timed(host, () => addressesOf(host, target));
  if (!isAddress(target.name)) {
    hops.push({ hop: 'dns', ...told(dns, (addresses) => `${target.name} → ${addresses.join(', ')}`) });
  }
  // With a proxy the name may be its business alone; the line is still the one that the route goes over.
  const addresses = dns.value ?? [];
  const route = await routeOf(host, addresses);
  if (route === undefined) {
    if (dns.error === undefined) {
      hops.unshift({ hop: 'route', detail: addresses.join(', '), fault: 'no route' });
    }
    if (options.proxy === undefined) return { hops, isOpen: false };
  } else {
    const via = route.gateway === undefined ? '' : ` via ${route.gateway}`;
    const detail = `${route.address} dev ${route.device}${via} src ${route.source} mtu ${route.mtuBytes}`;
    const refused = await refusal(host, options);
    hops.unshift({ hop: 'route', detail, ...(refused === undefined ? {} : { fault: refused }) });
    if (refused !== undefined) return { hops, route, refused, isOpen: false };
  }
  hops.push(...(await connection(host, target, options)));
  const isOpen = hops.every(({ fault }) => fault === undefined);
  return { hops, isOpen, ...(route && { route }) };
}

/** The text of the check that forbids it; exactly what preflight and join say. */
async function refusal(host: Host, { gatewayUrl, signal }: WayOptions): Promise<string | undefined> {
  const report = await runPreflight(host, { gatewayUrl }, { only: ['PRIVATE_LINE'], signal });
  const [check] = report.checks;
  if (check?.verdict !== 'fail') return undefined;
  const values: FaultValues = { ...check.evidence, ...check.values };
  const texts = problemMessages(check.code, check.problem ?? '');
  return `${check.code}: ${fill(texts?.message.en ?? check.evidence.measured, values)}`;
}

function addressesOf(host: Host, { name }: GatewayTarget): Promise<readonly string[]> {
  return isAddress(name) ? Promise.resolve([name]) : host.network.resolve(name);
}

async function routeOf(host: Host, addresses: readonly string[]) {
  for (const address of addresses) {
    const route = await host.network.routeTo(address);
    if (route === undefined) continue;
    const mtuBytes = (await linkNamed(host, route.device))?.mtu ?? 1500;
    return { ...route, address, mtuBytes };
  }
  return undefined;
}

async function connection(host: Host, target: GatewayTarget, options: WayOptions): Promise<readonly Hop[]> {
  const { proxy, caPem, signal } = options;
  const where = proxy === undefined ? `${target.name}:${target.port}` : `${proxy.host}:${proxy.port}`;
  try {
    const probe = await host.network.probeHttps(`${target.url}/healthz`, {
      timeoutMs,
      signal,
      ...(caPem !== undefined && { caPem }),
      ...(proxy && { proxyUrl: proxyUrl(proxy) }),
    });
    const isHealthy = probe.status === 200;
    return [
      { hop: 'tcp', milliseconds: rounded(probe.connectMs), detail: where },
      ...(probe.proxyMs === undefined
        ? []
        : [
            {
              hop: 'proxy' as const,
              milliseconds: rounded(probe.proxyMs),
              detail: `CONNECT ${target.name}:${target.port}`,
            },
          ]),
      {
        hop: 'tls',
        milliseconds: rounded(probe.handshakeMs),
        detail: probe.trusted ? 'trusted' : 'not trusted',
        ...(probe.trusted ? {} : { fault: probe.distrust }),
      },
      {
        hop: 'http',
        ...(probe.answerMs === undefined ? {} : { milliseconds: rounded(probe.answerMs) }),
        detail: `/healthz ${probe.status}`,
        ...(isHealthy ? {} : { fault: `HTTP ${probe.status}` }),
      },
    ];
  } catch (error) {
    const code = errorCode(error);
    // The system says of a handshake what it says of a connection; a proxy that refuses has a code of ours.
    const hop = code === 'EPROXY' ? 'proxy' : /TLS|SSL|EPROTO/.test(code) ? 'tls' : 'tcp';
    return [{ hop, detail: where, fault: code === 'EPROXY' ? (error as Error).message : code }];
  }
}

function proxyUrl({ host, port, authorization }: WebProxy): string {
  const [user = '', ...rest] = Buffer.from(authorization ?? '', 'base64')
    .toString()
    .split(':');
  const credentials =
    authorization === undefined ? '' : `${encodeURIComponent(user)}:${encodeURIComponent(rest.join(':'))}@`;
  return `http://${credentials}${host.includes(':') ? `[${host}]` : host}:${port}`;
}

interface Timed<T> {
  readonly milliseconds: number;
  readonly value?: T;
  readonly error?: unknown;
}

async function timed<T>(host: Host, ask: () => Promise<T>): Promise<Timed<T>> {
  const startedMs = host.clock.monotonicMs();
  const elapsed = () => rounded(host.clock.monotonicMs() - startedMs);
  try {
    return { value: await ask(), milliseconds: elapsed() };
  } catch (error) {
    return { error, milliseconds: elapsed() };
  }
}

function told<T>({ milliseconds, value, error }: Timed<T>, detail: (value: T) => string): Omit<Hop, 'hop'> {
  if (value !== undefined) return { milliseconds, detail: detail(value) };
  return { milliseconds, detail: '', fault: errorCode(error) };
}
