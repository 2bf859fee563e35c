// The shape of the tree, kept by parsing the imports of every source file: what may import what, where the
// operating system may be touched, which names a folder may not have. An exception is listed here by name
// with its reason, and one that isn't needed any more fails too.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import type { NewExpression, Node } from 'oxc-parser';
import { describe, expect, test } from 'vitest';
import { stringOf, visitSyntax } from '../syntax.ts';

/** Modules that reach the operating system; in the agent only agent/host/ may import them. */
const systemModules = /^(?:node:)?(?:fs|fs\/promises|child_process|os|cluster|execa)$/;

/** `file → module` in agent/ outside agent/host/, with the reason why it needs the system itself. */
const systemExceptions: Readonly<Record<string, string>> = {};

const folderRules: readonly (readonly [from: string, to: string])[] = [
  ['agent/', 'gateway/'],
  ['gateway/', 'agent/'],
  ['protocol/', 'agent/'],
  ['protocol/', 'gateway/'],
  ...['agent/', 'gateway/', 'protocol/'].flatMap((from) =>
    ['scripts/', 'test/', 'installer/'].map((to) => [from, to] as const),
  ),
];

/**
 * Each folder may import from those before it. What lies in the root of a part stands in its order by its own
 * name. There are no exceptions.
 */
const orders: Readonly<Record<string, readonly string[]>> = {
  agent:
    `version.ts secrets host config identity plan trust components state preflight doctor health line telemetry tunnel
    drift node upgrade daemon bugreport cli main.ts`.split(/\s+/),
  gateway:
    `version.ts kubernetes resources artifacts cilium pools tunnel audit addresses join nodes port line egress
    kubelets discovery telemetry replicas setup cli serve regnodectl.ts main.ts`.split(/\s+/),
  protocol:
    `json.ts printable.ts defect.ts rate defect-log.ts catalogue url-credential.ts formats grammar.ts cli line settings
    messages compatibility telemetry tunnel`.split(/\s+/),
  scripts: 'comments machine kubernetes build audit sandbox suite bench reference quickstart.ts'.split(' '),
};

const emptyNames = /^(?:lib|libs|utils?|helpers?|common|misc|shared|managers?|handlers?)$/;

/** From 250 on a reader asks why; from here on the test does. */
const longestLines = 300;

/** Longer ones, with the reason. */
const longFiles: Readonly<Record<string, string>> = {};

/** Debian's and npm's archives are the machine's configuration, never ours. */
const registryHosts = [
  ['deb', 'debian', 'org'],
  ['security', 'debian', 'org'],
  ['registry', 'npmjs', 'org'],
  ['registry', 'yarnpkg', 'com'],
  ['registry', 'npmmirror', 'com'],
  ['proxy', 'golang', 'org'],
  ['mirrors', 'tencent', 'com'],
  ['mirrors', 'aliyun', 'com'],
  ['registry-1', 'docker', 'io'],
].map((parts) => parts.join('.'));

const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  encoding: 'utf8',
})
  .split('\0')
  .filter((file) => file !== '' && existsSync(file));
const sources = files.filter((file) => /^(?:agent|gateway|protocol|scripts|installer)\/.*\.ts$/.test(file));
const imports = sources.flatMap((file) => importsOf(file).map((target) => ({ file, target })));

test('every way to name a module is seen', () => {
  const text = [
    "import type { A } from '../host/host.ts';",
    "export * from './b.ts';",
    "const c = await import('node:fs');",
    "new Worker(new URL('../../gateway/worker.ts', import.meta.url));",
    "// import '../../gateway/comment.ts'",
  ].join('\n');
  expect(importsOf('agent/plan/plan.ts', text)).toEqual([
    'agent/host/host.ts',
    'agent/plan/b.ts',
    'node:fs',
    'gateway/worker.ts',
  ]);
  expect(sources.length).toBeGreaterThan(10);
});

describe('folders', () => {
  test.each(folderRules)('%s never imports %s', (from, to) => {
    const crossings = imports.filter(({ file, target }) => file.startsWith(from) && target.startsWith(to));
    expect(crossings).toEqual([]);
  });

  test('no file imports itself by way of others, types included', () => {
    // A file of a thread is named by who starts it, which imports nothing of it.
    const isThread = ({ file, target }: { file: string; target: string }) =>
      file === 'agent/telemetry/worker-input.ts' && target === 'agent/telemetry/worker.ts';
    const next = Map.groupBy(
      imports.filter((one) => !isThread(one)),
      ({ file }) => file,
    );
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      const at = path.indexOf(file);
      if (at >= 0) circles.push([...path.slice(at), file].join(' → '));
      if (at >= 0 || done.has(file)) return;
      for (const { target } of next.get(file) ?? []) visit(target, [...path, file]);
      done.add(file);
    };
    for (const file of sources) if (!file.startsWith('scripts/')) visit(file, []);
    expect(circles).toEqual([]);
  });

  test('have names that say something', () => {
    const empty = files.filter((file) =>
      file.split('/').some((part) => emptyNames.test(part.replace(/\.[a-z.]+$/, ''))),
    );
    expect(empty).toEqual([]);
  });
});

describe.each(Object.entries(orders))('the folders of %s', (part, order) => {
  const inside = imports.filter(({ file, target }) =>
    [file, target].every((path) => path.startsWith(`${part}/`)),
  );
  const place = (path: string) => order.indexOf(path.split('/')[1] ?? '');

  test('stand in the order, all of them', () => {
    const found = new Set(
      inside.flatMap(({ file, target }) => [file, target]).map((path) => path.split('/')[1]),
    );
    expect([...found].filter((name) => !order.includes(name ?? ''))).toEqual([]);
    expect(order.filter((name) => !found.has(name))).toEqual([]);
  });

  test('import only from those before them', () => {
    expect(inside.length).toBeGreaterThan(50);
    const upwards = inside.filter(({ file, target }) => place(target) > place(file));
    expect(upwards.map(({ file, target }) => `${file} → ${target}`)).toEqual([]);
  });
});

describe('the operating system', () => {
  const found = imports
    .filter(({ file, target }) => file.startsWith('agent/') && systemModules.test(target))
    .filter(({ file }) => !file.startsWith('agent/host/'))
    .map(({ file, target }) => `${file} → ${target}`);

  test('is touched by the agent in agent/host/ only', () => {
    expect(found.filter((crossing) => !(crossing in systemExceptions))).toEqual([]);
  });

  test('exceptions that nobody needs any more are gone', () => {
    expect(Object.keys(systemExceptions).filter((crossing) => !found.includes(crossing))).toEqual([]);
  });
});

describe('hosts of package registries', () => {
  test('are named nowhere', () => {
    // package-lock.json is written by npm, which always names where it got a package.
    const named = files
      .filter((file) => file !== 'package-lock.json' && !/\.(?:tar|gz|png)$/.test(file))
      .filter((file) => {
        const text = readFileSync(file, 'utf8');
        return registryHosts.some((host) => text.includes(host));
      });
    expect(named).toEqual([]);
  });
});

describe('long files', () => {
  const long = sources
    .map((file) => ({ file, lines: readFileSync(file, 'utf8').split('\n').length }))
    .filter(({ lines }) => lines > longestLines)
    .map(({ file }) => file);

  test(`have at most ${longestLines} lines`, () => {
    expect(long.filter((file) => !(file in longFiles))).toEqual([]);
  });

  test('exceptions that nobody needs any more are gone', () => {
    expect(Object.keys(longFiles).filter((file) => !long.includes(file))).toEqual([]);
  });
});

/**
 * What a file imports: paths inside the repository, or names of modules. Dynamic imports and worker URLs too.
 */
function importsOf(file: string, text?: string): string[] {
  const found: string[] = [];
  visitSyntax(
    file,
    (node) => {
      const specifier = stringOf(specifierOf(node));
      if (specifier !== undefined) found.push(resolve(file, specifier));
    },
    text,
  );
  return found;
}

function specifierOf(node: Node): Node | null | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ImportExpression':
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
      return node.source;
    case 'NewExpression':
      return isUrlOfModule(node) ? node.arguments[0] : undefined;
    default:
      return undefined;
  }
}

/** `new URL('./worker.ts', import.meta.url)`: how a worker or a child process is named. */
function isUrlOfModule({ callee, arguments: [specifier, base] }: NewExpression): boolean {
  return (
    callee.type === 'Identifier' &&
    callee.name === 'URL' &&
    base?.type === 'MemberExpression' &&
    base.object.type === 'MetaProperty' &&
    stringOf(specifier)?.endsWith('.ts') === true
  );
}

function resolve(file: string, specifier: string): string {
  return specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : specifier;
}
