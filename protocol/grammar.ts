// The grammar of what is configured: names, labels, images, versions, addresses, URLs. Pools, registrations
// and the desired state take their schemas from here, so the API server (by the CRDs' patterns), regnodectl,
// the gateway and the agent refuse the same. Patterns stay in what RE2 and JavaScript both read: no
// look-ahead. None of them lets a line break or a control through.
import { isIP } from 'node:net';
import { z } from 'zod';
import { printable } from './printable.ts';
import { withoutCredential } from './url-credential.ts';

const label = '[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?';
const subdomain = `${label}(\\.${label})*`;
const qualified = '[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?';
const pathComponent = '[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*';
const registryHost = '[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?';
const whole = (pattern: string) => new RegExp(`^${pattern}$`);

const text = (mostCharacters: number, pattern: RegExp, expected: string) =>
  z.string().max(mostCharacters, { error: expected }).regex(pattern, { error: expected });

/** Also a label's value, which every node of the pool gets. */
export const poolNameSchema = text(63, whole(subdomain), 'a name of a pool such as idc-a');
/** Names of nodes; `*` stands for any part of one. */
export const namePatternSchema = text(
  253,
  /^[a-z0-9*]([-a-z0-9.*]*[a-z0-9*])?$/,
  'names of nodes such as idc-* or *.idc.example.com',
);
export const componentNameSchema = text(64, /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'a name of a component');
export const versionSchema = text(
  64,
  /^v?[0-9A-Za-z][0-9A-Za-z.+~_-]*$/,
  'a version such as v1.32.4 (letters, digits and . + ~ _ -)',
);

/** Keys of labels and of taints. */
export const labelKeySchema = text(
  317,
  whole(`(${subdomain}/)?${qualified}`),
  'a key such as site or example.com/site',
);
export const labelValueSchema = text(
  63,
  whole(`(${qualified})?`),
  'a value of at most 63 letters, digits and - _ . with a letter or digit at both ends',
);
const mostLabels = 64;
/** A CRD cannot say what keys are; whoever reads them does. */
export const labelsSchema = z
  .record(labelKeySchema, labelValueSchema)
  .refine((labels) => Object.keys(labels).length <= mostLabels, { error: `at most ${mostLabels} labels` })
  .meta({ maxProperties: mostLabels });

export const taintEffectSchema = z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']);
const taintSchema = z.strictObject({
  key: labelKeySchema,
  value: labelValueSchema.optional(),
  effect: taintEffectSchema,
});
export const taintsSchema = z.array(taintSchema).max(64);
export type Taint = z.infer<typeof taintSchema>;

/** What the container runtimes take: [HOST[:PORT]/]PATH[:TAG][@DIGEST]. */
export const imageSchema = text(
  512,
  whole(
    `(${registryHost}(:[0-9]{1,5})?/)?${pathComponent}(/${pathComponent})*(:[A-Za-z0-9_][-A-Za-z0-9_.]{0,127})?(@[a-z0-9]+:[0-9a-f]{32,128})?`,
  ),
  'an image such as registry.k8s.io/pause:3.9',
);

export const domainSchema = text(253, whole(subdomain), 'a domain such as cluster.local');
export const addressSchema = text(45, /^[0-9A-Fa-f:.]{2,45}$/, 'an IP address').refine(
  (address) => isIP(address) !== 0,
  { error: 'an IP address' },
);
export const rangeSchema = text(49, /^[0-9A-Fa-f:.]{2,45}\/[0-9]{1,3}$/, 'a range such as 10.0.0.0/8').refine(
  isRange,
  { error: 'a range such as 10.0.0.0/8' },
);
const mirrorUrl = 'a URL without user and password such as https://mirror.example.com/regnode';
/** As RFC 3986 has them, without quotes, user and password. */
export const httpUrlSchema = text(
  2048,
  /^https?:\/\/[A-Za-z0-9._~:[\]-]+([/?#][A-Za-z0-9._~:/?#@!$&()*+,;=%[\]-]*)?$/,
  mirrorUrl,
).refine((url) => URL.canParse(url), { error: mirrorUrl });
/** Of an API server: nothing behind the port but a path. */
export const httpsUrlSchema = text(
  2048,
  /^https:\/\/[A-Za-z0-9.:[\]-]+(\/[A-Za-z0-9._~%/-]*)?$/,
  'a URL such as https://10.0.0.1:6443',
).refine((url) => URL.canParse(url), { error: 'a URL such as https://10.0.0.1:6443' });

export const sha256Schema = text(64, /^[0-9a-f]{64}$/, 'a sha256 in lower-case hex');
export const machineIdSchema = text(32, /^[0-9a-f]{32}$/, 'a machine-id');
/** `*`: any host. */
export const machineIdOrAnySchema = text(32, /^([0-9a-f]{32}|\*)$/, 'a machine-id, or *');
/** Certificates and nothing beside them. */
export const certificatesSchema = text(
  65_536,
  /^(-----BEGIN CERTIFICATE-----[\r\n]+([A-Za-z0-9+/=]+[\r\n]+)+-----END CERTIFICATE-----[\r\n]*)+$/,
  'certificates in PEM and nothing beside them',
);
/** What somebody may write in as a note: one line of ASCII. */
export const noteSchema = text(128, /^[ -~]*$/, 'one line of at most 128 ASCII characters');

/**
 * What somebody else says of himself, to be stored and shown: cut to its length, without
 * what a terminal would obey.
 */
export const shownText = (mostUnits: number) => z.string().transform((text) => printable(text, mostUnits));

function isRange(range: string): boolean {
  const [address = '', prefix = ''] = range.split('/');
  const family = isIP(address);
  return family !== 0 && /^(0|[1-9]\d*)$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128);
}

type Issue = Pick<z.core.$ZodIssue, 'path' | 'message' | 'code'>;

/** `containerd.sandboxImage is "a b": an image such as …`, of the first thing that is wrong with a value. */
export function whatIsWrong(issue: Issue | undefined, value: unknown): string {
  const path = issue?.path ?? [];
  let place = value;
  for (const key of path) place = (place as Record<PropertyKey, unknown> | undefined)?.[key];
  const shown =
    place === undefined ? 'is missing' : `is ${withoutCredential(JSON.stringify(place) ?? '').slice(0, 200)}`;
  return `${path.join('.') || 'it'} ${shown}: expected ${issue?.message}`;
}
