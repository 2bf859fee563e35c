// The gateway as seen from here: its name, addresses, the route to it, and what one HTTPS request showed.
// Each is asked once a run, since the host given to checks remembers its answers.
import type { Host, HttpsProbe } from '../../host/host.ts';
import type { PreflightContext } from '../check.ts';
import { isAddress } from './addresses.ts';

export const probeTimeoutMs = 4000;

export interface GatewayTarget {
  readonly url: string;
  readonly name: string;
  readonly port: number;
}

/** undefined when no gateway was given, or its URL is not an https one (GATEWAY_NAME says so). */
export function gatewayTarget({ gatewayUrl }: PreflightContext): GatewayTarget | undefined {
  if (gatewayUrl === undefined || !URL.canParse(gatewayUrl)) return undefined;
  const url = new URL(gatewayUrl);
  if (url.protocol !== 'https:') return undefined;
  return {
    url: url.origin,
    name: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 443),
  };
}

/** Throws the system's error when the name cannot be resolved. */
export async function gatewayAddresses(host: Host, target: GatewayTarget): Promise<readonly string[]> {
  return isAddress(target.name) ? [target.name] : host.network.resolve(target.name);
}

export interface GatewayRoute {
  readonly address: string;
  readonly device: string;
  readonly source: string;
}

/** The route to the gateway's first address that has one. */
export async function gatewayRoute(host: Host, context: PreflightContext): Promise<GatewayRoute | undefined> {
  const target = gatewayTarget(context);
  if (target === undefined) return undefined;
  for (const address of await gatewayAddresses(host, target)) {
    const route = await host.network.routeTo(address);
    if (route) return { address, device: route.device, source: route.source };
  }
  return undefined;
}

/** undefined when no gateway was given; throws the system's error when it does not answer. */
export async function probeGateway(host: Host, context: PreflightContext): Promise<HttpsProbe | undefined> {
  const target = gatewayTarget(context);
  if (target === undefined) return undefined;
  return host.network.probeHttps(`${target.url}/healthz`, {
    timeoutMs: probeTimeoutMs,
    ...(context.caPem !== undefined && { caPem: context.caPem }),
  });
}

/** `ECONNREFUSED`, `ETIMEDOUT`, … or the message of an error without a code. */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}
