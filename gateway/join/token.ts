// Join tokens: `rt-<id>.<secret>`, kept as Secret regnode-tokens/regnode-token-<id> that holds only the hash
// of the secret. A use is recorded together with the key that it admitted, in the same write: so two hosts
// can't take one use, and a host whose answer was lost on the way asks again without costing a second one.
import { createHash, randomInt, timingSafeEqual } from 'node:crypto';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { type Secret, secrets } from '../kubernetes/kinds.ts';
import { type Kubernetes, update } from '../kubernetes/kubernetes.ts';
import { tokenNamespace } from '../kubernetes/names.ts';
import { canonicalAddress, parseAddress, parseRange } from '../resources/address.ts';

const tokenSecretType = 'regnode.io/join-token';
const tokenLabel = 'regnode.io/join-token';
const tokenPattern = /^rt-([a-z0-9]{6})\.([a-z0-9]{32})$/;
const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

interface TokenUse {
  readonly node: string;
  readonly keySha256: string;
  readonly at: string;
}

/** A token as it is stored: without its secret. */
export interface JoinToken {
  readonly id: string;
  readonly pool: string;
  readonly expiresAt: string;
  readonly usesAllowed: number;
  readonly usesLeft: number;
  readonly usedBy: readonly TokenUse[];
  readonly binding: TokenBinding;
}

/** Whom alone it admits; what is absent is open. */
export interface TokenBinding {
  readonly nodeName?: string;
  readonly machineId?: string;
  /** Ranges that the connection has to come from. */
  readonly cidrs?: readonly string[];
}

export interface Applicant {
  readonly nodeName: string;
  readonly keySha256: string;
  readonly machineId: string;
  /** The other end of its connection. */
  readonly source: string;
}

/**
 * Who only asks whether the token would be good has not said all of it yet; what is not
 * said is not held against it.
 */
export type Asking = Pick<Applicant, 'source'> & Partial<Applicant>;

/** Makes a token; its text is shown once and never again. */
export async function createToken(
  kubernetes: Kubernetes,
  options: { pool: string; lifetimeMs: number; uses: number; binding?: TokenBinding },
  now: number = Date.now(),
): Promise<{ token: JoinToken; text: string }> {
  const id = randomText(6);
  const secret = randomText(32);
  const token: JoinToken = {
    id,
    pool: options.pool,
    expiresAt: new Date(now + options.lifetimeMs).toISOString(),
    usesAllowed: options.uses,
    usesLeft: options.uses,
    usedBy: [],
    binding: options.binding ?? {},
  };
  await kubernetes.create(secrets, {
    metadata: {
      name: secretName(id),
      namespace: tokenNamespace,
      labels: { [tokenLabel]: 'true', 'regnode.io/pool': options.pool },
    },
    type: tokenSecretType,
    data: encode({ ...fields(token), secretSha256: sha256(secret) }),
  });
  return { token, text: `rt-${id}.${secret}` };
}

/** The id of a token text, or undefined when it is not even the form of one. */
export function tokenId(text: string): string | undefined {
  return tokenPattern.exec(text)?.[1];
}

/** Finds the token and checks secret, expiry and that a use is left for this applicant; takes nothing. */
export async function checkToken(
  kubernetes: Kubernetes,
  text: string,
  applicant: Asking,
  now: number = Date.now(),
): Promise<JoinToken> {
  const token = await findToken(kubernetes, text);
  assertUsable(token, applicant, now);
  return token;
}

/** Throws TOKEN_INVALID for another secret; whether it may be used is not looked at. */
export async function findToken(kubernetes: Kubernetes, text: string): Promise<JoinToken> {
  const [, id, secret] = tokenPattern.exec(text) ?? [];
  if (!id || !secret) throw new Fault('TOKEN_INVALID', { id: '?' });
  const stored = await kubernetes.get(secrets, secretName(id), tokenNamespace);
  // Hash and compare in any case, so that the time says nothing about which ids exist.
  const expected = Buffer.from(decode(stored).secretSha256 ?? sha256(''), 'hex');
  const matches = timingSafeEqual(
    Buffer.from(sha256(secret), 'hex'),
    expected.length === 32 ? expected : none,
  );
  if (!stored || stored.type !== tokenSecretType || !matches) throw new Fault('TOKEN_INVALID', { id });
  return parse(stored);
}

/**
 * Takes one use for the applicant; the same key under the same name takes only one, however often it asks.
 */
export async function consumeToken(
  kubernetes: Kubernetes,
  id: string,
  applicant: Applicant,
  now: number = Date.now(),
): Promise<void> {
  const found = await update(
    kubernetes,
    secrets,
    { name: secretName(id), namespace: tokenNamespace },
    (stored) => {
      const token = parse(stored);
      assertUsable(token, applicant, now);
      if (isUsedBy(token, applicant)) return undefined;
      const { nodeName: node, keySha256 } = applicant;
      const used: JoinToken = {
        ...token,
        usesLeft: token.usesLeft - 1,
        usedBy: [...token.usedBy, { node, keySha256, at: new Date(now).toISOString() }],
      };
      return { ...stored, data: { ...stored.data, ...encode(fields(used)) } };
    },
  );
  if (!found) throw new Fault('TOKEN_INVALID', { id });
}

/** Of every token that there is: id → hash of its secret. */
export async function tokenHashes(kubernetes: Kubernetes): Promise<ReadonlyMap<string, string>> {
  const { items } = await kubernetes.list(secrets, {
    namespace: tokenNamespace,
    labelSelector: `${tokenLabel}=true`,
  });
  const stored = items.filter(({ type }) => type === tokenSecretType);
  return new Map(
    stored.map((one) => [one.metadata.name.slice(secretName('').length), decode(one).secretSha256 ?? '']),
  );
}

/** Whether its secret is right; nothing is said of its time, uses and pool. */
export function isTokenAmong(hashes: ReadonlyMap<string, string>, text: string): boolean {
  const [, id = '', secret = ''] = tokenPattern.exec(text) ?? [];
  const expected = Buffer.from(hashes.get(id) ?? '', 'hex');
  return timingSafeEqual(Buffer.from(sha256(secret), 'hex'), expected.length === 32 ? expected : none);
}

export async function listTokens(kubernetes: Kubernetes): Promise<readonly JoinToken[]> {
  const { items } = await kubernetes.list(secrets, {
    namespace: tokenNamespace,
    labelSelector: `${tokenLabel}=true`,
  });
  return items.map(parse).sort((a, b) => a.expiresAt.localeCompare(b.expiresAt));
}

/** False when there was no such token. Takes the id or the whole text. */
export function revokeToken(kubernetes: Kubernetes, idOrText: string): Promise<boolean> {
  const id = tokenId(idOrText) ?? idOrText.replace(/^rt-/, '');
  if (!/^[a-z0-9]{6}$/.test(id)) return Promise.resolve(false);
  return kubernetes.remove(secrets, secretName(id), { namespace: tokenNamespace });
}

/** Throws why the applicant may not use it. */
export function assertUsable(token: JoinToken, applicant: Asking, now: number): void {
  const { id, pool, expiresAt } = token;
  if (!(Date.parse(expiresAt) > now)) throw new Fault('TOKEN_EXPIRED', { id, expiredAt: expiresAt, pool });
  if (token.usesLeft < 1 && !isUsedBy(token, applicant)) {
    throw new Fault('TOKEN_USED_UP', { id, uses: token.usesAllowed, pool });
  }
  assertMeant(token, applicant);
}

function assertMeant({ id, pool, binding }: JoinToken, { nodeName, machineId, source }: Asking): void {
  const refuse = (bound: string, shown: string) =>
    new Fault('TOKEN_NOT_FOR_THIS_HOST', { id, bound, shown: shown.slice(0, 80), pool });
  if (nodeName !== undefined && binding.nodeName !== undefined && binding.nodeName !== nodeName)
    throw refuse(`the node ${binding.nodeName}`, `the name ${nodeName}`);
  if (machineId !== undefined && binding.machineId !== undefined && binding.machineId !== machineId)
    throw refuse(`the machine ${binding.machineId}`, `the machine-id ${machineId}`);
  if (binding.cidrs === undefined) return;
  const address = canonicalAddress(source);
  const parsed = address === undefined ? undefined : parseAddress(address);
  const isWithin = parsed && binding.cidrs.some((text) => parseRange(text)?.contains(parsed));
  if (!isWithin) throw refuse(`hosts in ${binding.cidrs.join(', ')}`, `the address ${source}`);
}

/** The same key under the same name has taken a use of it. */
export function isUsedBy(token: JoinToken, { nodeName, keySha256 }: Asking): boolean {
  return token.usedBy.some((use) => use.node === nodeName && use.keySha256 === keySha256);
}

function fields(token: JoinToken): Record<string, string> {
  return {
    pool: token.pool,
    expiresAt: token.expiresAt,
    usesAllowed: String(token.usesAllowed),
    usesLeft: String(token.usesLeft),
    usedBy: JSON.stringify(token.usedBy),
    binding: JSON.stringify(token.binding),
  };
}

function parse(stored: Secret): JoinToken {
  const data = decode(stored);
  return {
    id: stored.metadata.name.slice(secretName('').length),
    pool: data.pool ?? '',
    expiresAt: data.expiresAt ?? '',
    usesAllowed: Number(data.usesAllowed ?? 0),
    usesLeft: Number(data.usesLeft ?? 0),
    usedBy: JSON.parse(data.usedBy ?? '[]') as TokenUse[],
    binding: JSON.parse(data.binding ?? '{}') as TokenBinding,
  };
}

const none = Buffer.alloc(32);
const secretName = (id: string) => `regnode-token-${id}`;
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const randomText = (length: number) =>
  Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');

const encode = (data: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );

const decode = (stored: Secret | undefined): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(stored?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
  );
