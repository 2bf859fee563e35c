// Names and addresses of the gateway and of the API server, which no node may have. Names are resolved, at
// most once in a while; one that does not resolve at the moment keeps the addresses that it had.
import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import { canonicalAddress } from '../resources/address.ts';
import type { Holder } from './claims.ts';

export interface OwnAddressesOptions {
  /** Of the gateway: hosts of its URL and of the addresses that it listens on. */
  readonly gateway: () => readonly string[];
  readonly apiServer: readonly string[];
  readonly now: () => number;
  readonly resolve?: (host: string) => Promise<readonly string[]>;
  readonly interfaces?: () => readonly string[];
}

const freshMs = 30_000;

export class OwnAddresses {
  readonly #options: Required<OwnAddressesOptions>;
  readonly #resolved = new Map<string, readonly string[]>();
  #readAtMs = Number.NEGATIVE_INFINITY;
  #gateway: ReadonlySet<string> = new Set();
  #apiServer: ReadonlySet<string> = new Set();

  constructor(options: OwnAddressesOptions) {
    this.#options = { resolve: resolveAll, interfaces: interfaceAddresses, ...options };
  }

  async refresh(): Promise<void> {
    const { now, gateway, apiServer, interfaces } = this.#options;
    if (now() - this.#readAtMs < freshMs) return;
    const [ofGateway, ofApiServer] = await Promise.all([this.#keys(gateway()), this.#keys(apiServer)]);
    this.#gateway = new Set([...ofGateway, ...interfaces().flatMap((text) => canonicalAddress(text) ?? [])]);
    this.#apiServer = new Set(ofApiServer);
    this.#readAtMs = now();
  }

  /** Whether it is an address of the gateway's own machine or URL. */
  isGateway(address: string): boolean {
    return this.#gateway.has(address);
  }

  *holders(key: string): Iterable<Holder> {
    const sinceMs = Number.NEGATIVE_INFINITY;
    if (this.#apiServer.has(key)) yield { kind: 'API server', name: key, sinceMs };
    if (this.#gateway.has(key)) yield { kind: 'gateway', name: key, sinceMs };
  }

  async #keys(hosts: readonly string[]): Promise<readonly string[]> {
    const all = await Promise.all(hosts.map((host) => this.#keysOf(host.replace(/^\[(.*)\]$/, '$1'))));
    return all.flat();
  }

  async #keysOf(host: string): Promise<readonly string[]> {
    const address = canonicalAddress(host);
    if (address !== undefined) return [address];
    const found = await this.#options.resolve(host).catch(() => this.#resolved.get(host) ?? []);
    this.#resolved.set(host, found);
    return [host.toLowerCase(), ...found.flatMap((text) => canonicalAddress(text) ?? [])];
  }
}

async function resolveAll(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

function interfaceAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((link) => (link ?? []).map(({ address }) => address));
}
