// What a run of ./scripts/test is asked to do, from its arguments. Pure; the names are the ones that the
// usage line shows. Without arguments everything runs.

const partNames = ['lint', 'unit', 'property', 'e2e'] as const;
type PartName = (typeof partNames)[number];

export interface Selection {
  readonly parts: ReadonlySet<PartName>;
  /** Names of e2e files (`join` for test/e2e/join.test.ts); empty means all of them. */
  readonly e2eNames: readonly string[];
  /** What CI does a tenth of, whole; for e2e tests that know it. */
  readonly full: boolean;
  /** The first cycle of a full run, counted from 1: one that was broken off goes on there. */
  readonly from: number;
}

const usage = `usage: ./scripts/test [${partNames.join('|')}|e2e/NAME ...] [--full [--from N]]`;

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** `knownE2e` are the names of the e2e files that there are. */
export function select(argumentsGiven: readonly string[], knownE2e: readonly string[]): Selection {
  const full = argumentsGiven.includes('--full');
  const fromAt = argumentsGiven.indexOf('--from');
  const from = fromAt < 0 ? 1 : Number(argumentsGiven[fromAt + 1]);
  if (!Number.isInteger(from) || from < 1) throw new UsageError(`--from is a number from 1 on\n${usage}`);
  if (fromAt >= 0 && !full) throw new UsageError(`--from goes with --full\n${usage}`);
  const wanted = argumentsGiven.filter(
    (argument, at) => argument !== '--full' && (fromAt < 0 || (at !== fromAt && at !== fromAt + 1)),
  );
  if (wanted.length === 0) return { parts: new Set(partNames), e2eNames: [], full, from };
  const parts = new Set<PartName>();
  const names = new Set<string>();
  for (const argument of wanted) {
    const part = partNames.find((name) => name === argument);
    if (part !== undefined) {
      parts.add(part);
      continue;
    }
    const name = /^(?:test\/)?e2e\/([a-z0-9-]+)(?:\.test\.ts)?$/.exec(argument)?.[1];
    if (name === undefined) throw new UsageError(`unknown argument ${argument}\n${usage}`);
    if (!knownE2e.includes(name)) {
      throw new UsageError(`there is no e2e test ${name}; there are: ${knownE2e.join(' ')}`);
    }
    names.add(name);
  }
  // `e2e e2e/join` means all of them: the wider one wins.
  const e2eNames = parts.has('e2e') ? [] : [...names];
  if (e2eNames.length > 0) parts.add('e2e');
  return { parts, e2eNames, full, from };
}
