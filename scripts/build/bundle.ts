// The agent as a few JavaScript files without node_modules: main.js, one file per worker, and the pieces that
// they share or load late. Every `new URL('./x.ts', import.meta.url)` in our sources names a worker: it
// becomes an entry of its own and the URL is rewritten to the file that comes of it. Names and lines stay
// readable in stack traces; only white space goes.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';

const workerUrl = /new URL\(\s*(['"])(\.{1,2}\/[^'"]+)\.ts\1,\s*import\.meta\.url\s*,?\s*\)/g;

/**
 * The same thing under another name, of which the parts that nobody uses (its fifty
 * languages) can be left out.
 */
const zodImport = /^import \{ z \} from 'zod';$/m;

export interface Bundle {
  /** Folders of the npm packages whose code went in. */
  readonly packages: readonly string[];
  readonly bytes: number;
}

/** `version` is what the program says that it is. */
export async function bundle(entry: string, folder: string, version: string): Promise<Bundle> {
  const entries: Record<string, string> = { main: resolve(entry) };
  // A worker may start a worker of its own: build until no new one turns up.
  for (;;) {
    const before = Object.keys(entries).length;
    const result = await build({
      entryPoints: entries,
      outdir: folder,
      write: false,
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node24',
      minifyWhitespace: true,
      minifySyntax: true,
      legalComments: 'none',
      metafile: true,
      logLevel: 'warning',
      external: ['utf-8-validate', 'pino-pretty'],
      // CommonJS packages inside an ES module still call require and use __dirname.
      banner: { js: commonJsNames },
      plugins: [stated(version), workers(entries), bufferutil, plainHttp],
    });
    if (Object.keys(entries).length > before) continue;
    await mkdir(folder, { recursive: true });
    let bytes = 0;
    for (const file of result.outputFiles) {
      const text = oneByteLetters(file.text);
      await writeFile(file.path, text);
      bytes += text.length;
    }
    await writeFile(join(folder, 'package.json'), '{"type":"module"}\n');
    await writeFile(join(folder, 'bufferutil.node'), await readFile(bufferutilAddon()));
    return { packages: packagesOf(Object.keys(result.metafile.inputs)), bytes };
  }
}

const commonJsNames = [
  "import{createRequire as __createRequire}from'node:module';",
  'const require=__createRequire(import.meta.url),__filename=import.meta.filename,__dirname=import.meta.dirname;',
].join('');

/**
 * V8 keeps the text of a program for good, and with one letter beyond Latin-1 in it two bytes
 * for each. esbuild has escaped what stands in strings; left are regular expressions, where the
 * same escape means the same.
 */
function oneByteLetters(text: string): string {
  return text.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** agent/version.ts is kept equal to package.json; a build may say another. */
function stated(version: string): Plugin {
  return {
    name: 'version',
    setup({ onLoad }) {
      onLoad({ filter: /\/agent\/version\.ts$/ }, () => ({
        contents: `export const agentVersion = ${JSON.stringify(version)};`,
        loader: 'ts',
      }));
    },
  };
}

function workers(entries: Record<string, string>): Plugin {
  return {
    name: 'workers',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        if (path.includes('/node_modules/')) return undefined;
        const contents = (await readFile(path, 'utf8'))
          .replaceAll(workerUrl, (_whole, _quote, specifier: string) => {
            const source = resolve(dirname(path), `${specifier}.ts`);
            // Flat, so that the relative URL is right from whichever file the code ends up in.
            const name = relative('.', source).replace(/\.ts$/, '').replaceAll('/', '-');
            entries[name] = source;
            return `new URL('./${name}.js', import.meta.url)`;
          })
          .replace(zodImport, "import * as z from 'zod';");
        return { contents, loader: 'ts' };
      });
    },
  };
}

/**
 * An ES import of node:http reads everything that it exports, also its WebSocket: that loads Node's own
 * client for the web, which nobody here uses: 13 MB in a process that does nothing else, 2 MB of an agent.
 * require reads nothing before it is used.
 */
const plainHttp: Plugin = {
  name: 'plain-http',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(?:node:)?http$/ }, ({ kind }) =>
      kind === 'import-statement'
        ? { path: 'http', namespace: 'required' }
        : { path: 'node:http', external: true },
    );
    onLoad({ filter: /.*/, namespace: 'required' }, () => ({
      contents: "module.exports = require('node:http');",
      loader: 'js',
    }));
  },
};

/** The addon is found by a search for a file beside its package; in the bundle it lies beside the program. */
const bufferutil: Plugin = {
  name: 'bufferutil',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^bufferutil$/ }, () => ({ path: 'bufferutil', namespace: 'addon' }));
    onLoad({ filter: /.*/, namespace: 'addon' }, () => ({
      contents: "module.exports = require('./bufferutil.node');",
      loader: 'js',
    }));
    onResolve({ filter: /\.node$/, namespace: 'addon' }, ({ path }) => ({ path, external: true }));
  },
};

function bufferutilAddon(): string {
  const root = dirname(createRequire(import.meta.url).resolve('bufferutil/package.json'));
  return join(root, 'prebuilds/linux-x64/bufferutil.node');
}

function packagesOf(inputs: readonly string[]): string[] {
  const folders = inputs.flatMap(
    (input) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? [],
  );
  return [...new Set([...folders, 'node_modules/bufferutil'])].sort();
}
