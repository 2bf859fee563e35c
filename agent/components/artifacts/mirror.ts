// A mirror: MIRROR/<file name> by https or http, redirects followed, but never from https to http. It is
// only a place to find bytes: what it sends is believed by its hash alone, it is told nothing of this node,
// and no credential goes there.

import { type ClientRequest, get as getPlain, type IncomingMessage } from 'node:http';
import { get as getSecure } from 'node:https';
import { rootCertificates } from 'node:tls';
import { Fault } from '../../../protocol/catalogue/fault.ts';
import { fileNameOf } from '../../../protocol/messages/desired.ts';
import { holdsCredential, withoutCredential } from '../../../protocol/url-credential.ts';
import { proxyFor } from '../../config/proxy.ts';
import type { Host } from '../../host/host.ts';
import { httpsAgent } from '../../identity/https-agent.ts';
import { hashWrong } from '../../plan/fetch.ts';
import type { ArtifactOrigin } from '../../plan/source.ts';

const mostRedirects = 5;
/**
 * No byte for so long before the answer, and for so long after its head: it is asked again, or the next one.
 */
const connectTimeoutMs = 10_000;
const defaultStallMs = 30_000;
/** Until the head of an answer is whole, however its bytes drip. */
const defaultHeadMs = 30_000;

/** Where el and Debian keep the roots that their administrators trust. */
const systemRoots = [
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/certs/ca-certificates.crt',
];

export interface MirrorOptions {
  /** The gateway's CA: a mirror of one's own may have a certificate of it. */
  readonly caPem: string;
  readonly stallMs?: number;
  readonly headMs?: number;
}

export function mirrorOrigin(host: Host, base: string, options: MirrorOptions): ArtifactOrigin {
  const { stallMs = defaultStallMs, headMs = defaultHeadMs } = options;
  const place = withoutUser(base);
  let roots: Promise<string[]> | undefined;

  async function request(
    url: URL,
    offset: number,
    signal: AbortSignal | undefined,
  ): Promise<IncomingMessage> {
    const headers: Record<string, string> = offset > 0 ? { range: `bytes=${offset}-` } : {};
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const common = { headers, ...(signal ? { signal } : {}) };
    let asked: ClientRequest;
    if (url.protocol === 'http:') asked = getPlain(url, common, resolve);
    else {
      roots ??= trustedRoots(host, options.caPem);
      const agent = httpsAgent({ ca: await roots, keepAlive: false }, proxyFor(url, host.environment));
      asked = getSecure(url, { ...common, agent }, resolve);
    }
    const late = (milliseconds: number) => () =>
      asked.destroy(new Error(`no answer within ${milliseconds / 1000} s`));
    const silent = late(connectTimeoutMs);
    const timer = setTimeout(late(headMs), headMs);
    asked.setTimeout(connectTimeoutMs, silent).on('error', reject);
    return promise.finally(() => {
      clearTimeout(timer);
      asked.off('timeout', silent);
    });
  }

  return {
    name: place,
    async open(artifact, offset, signal) {
      let url = new URL(`${place.replace(/\/+$/, '')}/${fileNameOf(artifact)}`);
      for (let redirects = 0; ; redirects++) {
        const response = await request(url, offset, signal);
        const { statusCode = 0, headers } = response;
        if (statusCode === 200 || statusCode === 206) {
          response.setTimeout(stallMs, () => response.destroy(new Error(`no byte for ${stallMs / 1000} s`)));
          return { startsAt: statusCode === 206 ? rangeStart(response) : 0, bytes: response };
        }
        response.destroy();
        if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
          if (redirects === mostRedirects) throw new Error(`more than ${mostRedirects} redirects`);
          const next = new URL(withoutUser(new URL(headers.location, url).href));
          const isFollowed =
            next.protocol === 'https:' || (next.protocol === 'http:' && url.protocol === 'http:');
          if (!isFollowed) throw new Error(`a redirect from ${url.protocol} to ${next.protocol}`);
          url = next;
        } else if (statusCode === 404 || statusCode === 410) {
          throw new Fault('PATH_UNKNOWN', { method: 'GET', path: url.pathname });
        } else if (statusCode === 416) {
          // It has fewer bytes than we have already: whatever it is, it is not this artifact.
          throw hashWrong(artifact, `of at most ${offset} bytes`);
        } else throw new Error(`status ${statusCode}`);
      }
    },
  };
}

/**
 * An earlier release took a password in the URL, and a join with one is remembered; a mirror may send us to
 * one, too. It goes to nobody.
 */
function withoutUser(base: string): string {
  if (!holdsCredential(base) || !URL.canParse(base)) return withoutCredential(base);
  const url = new URL(base);
  url.username = '';
  url.password = '';
  return url.href;
}

async function trustedRoots(host: Host, caPem: string): Promise<string[]> {
  const files = await Promise.all(
    systemRoots.map((path) => host.files.readText(path).catch(() => undefined)),
  );
  return [...rootCertificates, caPem, ...files.filter((text) => text !== undefined)];
}

function rangeStart(response: IncomingMessage): number {
  const start = /^bytes (\d+)-/.exec(response.headers['content-range'] ?? '')?.[1];
  return start === undefined ? 0 : Number(start);
}
