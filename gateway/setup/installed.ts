// Whether the custom resources in the cluster are those of this release. An API server drops what its schema
// does not know without a word, so a newer program would write fields that nobody keeps. Fields that only the
// cluster has are no matter: a later release has set it up. Nothing is changed here.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { type CustomResourceDefinition, customResourceDefinitions } from '../kubernetes/kinds.ts';
import { isFailure, type Kubernetes } from '../kubernetes/kubernetes.ts';
import { resourceDefinitions, resourceNames } from '../resources/definitions.ts';

type Schema = { readonly [keyword: string]: unknown };

/** How many of them a message names. */
const namedFields = 5;

/** Throws SETUP_OUTDATED or NOT_SET_UP. `mayNotRead`: what it means when the rights to look are missing. */
export async function requireInstalled(
  kubernetes: Kubernetes,
  mayNotRead: 'outdated' | 'unknown',
  names: readonly string[] = resourceNames,
): Promise<void> {
  for (const ours of resourceDefinitions()) {
    const { name } = ours.metadata;
    if (!names.includes(name)) continue;
    const theirs = await installed(kubernetes, name);
    if (theirs === 'forbidden') {
      if (mayNotRead === 'unknown') continue;
      throw new Fault('SETUP_OUTDATED', { definition: name, missing: 'the right to read it' });
    }
    if (theirs === undefined) throw new Fault('NOT_SET_UP', { missing: name });
    const missing = missingFrom(theirs, ours);
    if (missing.length > 0) throw new Fault('SETUP_OUTDATED', { definition: name, missing: listed(missing) });
  }
}

/**
 * Throws SETUP_OUTDATED when the API server has kept less than it was given: for those
 * who may not read definitions.
 */
export function requireKept(definition: string, given: object, kept: object): void {
  const lost = lostFrom(kept, given, 'spec');
  if (lost.length > 0) throw new Fault('SETUP_OUTDATED', { definition, missing: listed(lost) });
}

async function installed(
  kubernetes: Kubernetes,
  name: string,
): Promise<CustomResourceDefinition | 'forbidden' | undefined> {
  try {
    return await kubernetes.get(customResourceDefinitions, name);
  } catch (error) {
    if (isFailure(error, 'Forbidden')) return 'forbidden';
    throw error;
  }
}

/** Fields and values of `ours` that `theirs` would not keep, as paths. */
export function missingFrom(theirs: CustomResourceDefinition, ours: CustomResourceDefinition): string[] {
  const { version, schema } = versionOf(ours);
  const found = versionOf(theirs, version);
  return found.schema === undefined ? [`version ${version}`] : missingIn(found.schema, schema ?? {}, '');
}

function versionOf(
  { spec }: CustomResourceDefinition,
  named?: string,
): { version: string; schema: Schema | undefined } {
  const { versions = [] } = spec as { versions?: readonly { name: string; schema?: Schema }[] };
  const version = named === undefined ? versions[0] : versions.find(({ name }) => name === named);
  return { version: version?.name ?? '', schema: child(version?.schema, 'openAPIV3Schema') };
}

function missingIn(theirs: Schema | undefined, ours: Schema, path: string): string[] {
  if (theirs === undefined) return [path];
  if (theirs['x-kubernetes-preserve-unknown-fields'] === true) return [];
  if (theirs.type !== ours.type) return [path];
  const values = (ours.enum ?? []) as readonly unknown[];
  const known = (theirs.enum ?? values) as readonly unknown[];
  const below = (keyword: 'items' | 'additionalProperties', mark: string) => {
    const own = child(ours, keyword);
    return own === undefined ? [] : missingIn(child(theirs, keyword), own, `${path}${mark}`);
  };
  return [
    ...values.filter((value) => !known.includes(value)).map((value) => `${path}=${String(value)}`),
    ...Object.entries(child(ours, 'properties') ?? {}).flatMap(([name, own]) =>
      missingIn(
        child(child(theirs, 'properties'), name),
        own as Schema,
        path === '' ? name : `${path}.${name}`,
      ),
    ),
    ...below('items', '[]'),
    ...below('additionalProperties', '.*'),
  ];
}

function lostFrom(kept: unknown, given: unknown, path: string): string[] {
  if (given === undefined) return [];
  if (kept === undefined) return [path];
  if (typeof given !== 'object' || given === null) return [];
  return Object.entries(given).flatMap(([name, value]) =>
    lostFrom((kept as Readonly<Record<string, unknown>>)[name], value, `${path}.${name}`),
  );
}

function child(schema: Schema | undefined, name: string): Schema | undefined {
  const found = schema?.[name];
  return typeof found === 'object' && found !== null ? (found as Schema) : undefined;
}

function listed(paths: readonly string[]): string {
  const more = paths.length - namedFields;
  return `${paths.slice(0, namedFields).join(', ')}${more > 0 ? `, and ${more} more` : ''}`;
}
