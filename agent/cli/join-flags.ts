// Parses the flags of a join. What is missing is taken from a join that was begun before; what is wrong is a
// Fault that names the flag. The token comes from a file or the environment, never from the command line.

import { X509Certificate } from 'node:crypto';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { httpUrlSchema } from '../../protocol/grammar.ts';
import { leastRateBytesPerSecond } from '../../protocol/settings/host.ts';
import { requireNoCredential } from '../../protocol/url-credential.ts';
import type { DownloadSettings } from '../components/artifacts/source.ts';
import { gatewayUrlSchema } from '../config/configuration.ts';
import { paths } from '../config/paths.ts';
import type { Host } from '../host/host.ts';
import { defaultNodeName } from '../identity/facts.ts';
import type { JoinSettings } from '../node/join.ts';
import { readState } from '../state/state.ts';
import type { CliContext } from './context.ts';

export interface JoinFlags {
  readonly gateway?: string;
  readonly caFile?: string;
  readonly tokenFile?: string;
  readonly name?: string;
  readonly artifactKeySha256?: string;
  readonly manifestSerial?: string;
  readonly mirror?: readonly string[];
  readonly artifactDir?: string;
  readonly rateLimit?: string;
}

export async function readJoinSettings(context: CliContext, flags: JoinFlags): Promise<JoinSettings> {
  const { host } = context;
  const known = await readState(host);
  const gatewayUrl = flags.gateway === undefined ? known?.identity.gatewayUrl : parseUrl(flags.gateway);
  if (gatewayUrl === undefined) throw new Fault('USAGE', { detail: '--gateway URL is needed' });
  const caPem =
    flags.caFile === undefined
      ? await host.files.readText(paths.authority)
      : await readCa(host, flags.caFile);
  if (caPem === undefined) throw new Fault('USAGE', { detail: '--ca-file FILE is needed' });
  const artifactKeySha256 = parseHash(flags.artifactKeySha256);
  if (artifactKeySha256 === undefined && known === undefined)
    throw new Fault('USAGE', { detail: '--artifact-key-sha256 HASH is needed' });
  return {
    gatewayUrl,
    caPem,
    nodeName: flags.name ?? known?.identity.nodeName ?? (await defaultNodeName(host)),
    token: await readToken(context, flags.tokenFile),
    artifactKeySha256,
    ...parseSerial(flags.manifestSerial),
    ...parseDownloads(flags),
  };
}

export async function readCa(host: Host, path: string): Promise<string> {
  const text = await host.files.readText(path, 1024 * 1024);
  if (text === undefined) throw new Fault('CONFIGURATION_INVALID', { path, detail: 'there is no such file' });
  if (holdsWholeCertificates(text)) return text;
  throw new Fault('CONFIGURATION_INVALID', { path, detail: 'it holds no whole certificate in PEM' });
}

/** A file that was cut while it was copied begins like a good one. */
function holdsWholeCertificates(text: string): boolean {
  const begun = text.match(/-----BEGIN CERTIFICATE-----/g) ?? [];
  const whole = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (begun.length === 0 || begun.length !== whole.length) return false;
  try {
    for (const pem of whole) new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}

async function readToken({ host, token }: CliContext, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return token;
  const text = (await host.files.readText(path, 4096))?.trim();
  if (text === undefined) throw new Fault('CONFIGURATION_INVALID', { path, detail: 'there is no such file' });
  return text;
}

function parseUrl(text: string): string {
  requireNoCredential(text, '--gateway');
  const parsed = gatewayUrlSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new Fault('CONFIGURATION_INVALID', { path: '--gateway', detail: `"${text}" is not an https:// URL` });
}

/** Nothing when no flag says anything: then what a command before said stays. */
function parseDownloads({ mirror = [], artifactDir, rateLimit }: JoinFlags): {
  downloads?: DownloadSettings;
} {
  if (mirror.length === 0 && artifactDir === undefined && rateLimit === undefined) return {};
  for (const url of mirror) requireNoCredential(url, '--mirror');
  const wrong = mirror.find((url) => !httpUrlSchema.safeParse(url).success);
  if (wrong !== undefined) throw new Fault('USAGE', { detail: `--mirror must be a URL, not ${wrong}` });
  if (artifactDir?.startsWith('/') === false) {
    throw new Fault('USAGE', { detail: `--artifact-dir must be an absolute path, not ${artifactDir}` });
  }
  const rateLimitBytesPerSecond = rateLimit === undefined ? undefined : parseRate(rateLimit);
  return {
    downloads: {
      ...(artifactDir === undefined ? {} : { bundle: artifactDir }),
      mirrors: mirror.map((url) => url.replace(/\/+$/, '')),
      ...(rateLimitBytesPerSecond === undefined ? {} : { rateLimitBytesPerSecond }),
    },
  };
}

const unitBytes: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

function parseRate(text: string): number {
  const [, amount, unit = ''] = /^(\d{1,12})([KMG]?)$/i.exec(text) ?? [];
  const bytes = Number(amount) * (unitBytes[unit.toUpperCase()] ?? Number.NaN);
  if (bytes >= leastRateBytesPerSecond) return bytes;
  throw new Fault('USAGE', {
    detail: `--rate-limit is bytes per second, from 16K, such as 500K or 10M, not ${text}`,
  });
}

function parseSerial(text: string | undefined): { manifestSerial?: number } {
  if (text === undefined) return {};
  if (/^\d{1,15}$/.test(text)) return { manifestSerial: Number(text) };
  throw new Fault('USAGE', { detail: `--manifest-serial must be a number, not ${text}` });
}

function parseHash(text: string | undefined): string | undefined {
  if (text === undefined || /^[0-9a-f]{64}$/i.test(text)) return text?.toLowerCase();
  throw new Fault('USAGE', { detail: '--artifact-key-sha256 must be 64 hexadecimal digits' });
}
