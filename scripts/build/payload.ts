// The payload as a folder, laid out as it will lie under /opt/regnode:
//   bin/node lib/*.so          the runtime, from the cache
//   bin/regnode app/ VERSION   the program
//   systemd/ install.sh uninstall.sh LICENSES/
// It is kept in two halves, the runtime's and the program's, because only the second changes between builds.
import { chmod, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Progress } from '../machine/progress.ts';
import { bundle } from './bundle.ts';
import { kernelCallsAddon } from './kernel-calls.ts';
import { installPath } from './runtime.ts';
import { mebibytes } from './tarball.ts';

export interface PayloadOptions {
  readonly out: string;
  readonly entry: string;
  readonly version: string;
  /** The cache entry of the runtime. */
  readonly runtime: string;
}

export interface Payload extends PayloadOptions {
  /** The program's half. */
  readonly program: string;
}

export async function assemblePayload(options: PayloadOptions, progress: Progress): Promise<Payload> {
  const program = join(options.out, 'payload');
  await rm(program, { recursive: true, force: true });
  for (const folder of ['app', 'bin', 'systemd', 'LICENSES']) {
    await mkdir(join(program, folder), { recursive: true });
  }
  const { packages, bytes } = await progress.step(`bundling ${options.entry}`, () =>
    bundle(options.entry, join(program, 'app'), options.version),
  );
  progress.line(`app: ${mebibytes(bytes)} MiB from ${packages.length} npm packages`);
  await copyFile(await kernelCallsAddon(progress), join(program, 'app/kernel-calls.node'));
  await executable(join(program, 'bin/regnode'), starter);
  await copyFile('systemd/regnode.service', join(program, 'systemd/regnode.service'));
  await copyFile('installer/install.sh', join(program, 'install.sh'));
  await chmod(join(program, 'install.sh'), 0o755);
  await executable(join(program, 'uninstall.sh'), uninstaller);
  await writeFile(join(program, 'VERSION'), `${options.version}\n`);
  for (const folder of packages) await copyLicence(folder, join(program, 'LICENSES'));
  return { ...options, program };
}

/**
 * They reach Node.js itself, its OpenSSL or its C library. Proxies and the settings of the
 * terminal are not among them.
 */
const foreignVariables = [
  ...[
    'NODE_OPTIONS',
    'NODE_PATH',
    'NODE_DEBUG',
    'NODE_DEBUG_NATIVE',
    'NODE_EXTRA_CA_CERTS',
    'NODE_USE_SYSTEM_CA',
  ],
  ...[
    'NODE_TLS_REJECT_UNAUTHORIZED',
    'NODE_V8_COVERAGE',
    'NODE_ICU_DATA',
    'NODE_PRESERVE_SYMLINKS',
    'NODE_USE_ENV_PROXY',
  ],
  ...[
    'NODE_REDIRECT_WARNINGS',
    'NODE_NO_WARNINGS',
    'NODE_PENDING_DEPRECATION',
    'NODE_COMPILE_CACHE',
    'NODE_REPL_EXTERNAL_MODULE',
  ],
  ...[
    'OPENSSL_CONF',
    'SSL_CERT_FILE',
    'SSL_CERT_DIR',
    'SSLKEYLOGFILE',
    'UV_THREADPOOL_SIZE',
    'UV_USE_IO_URING',
  ],
  ...[
    'LD_LIBRARY_PATH',
    'LD_AUDIT',
    'LD_DEBUG',
    'GLIBC_TUNABLES',
    'MALLOC_CHECK_',
    'MALLOC_PERTURB_',
    'RES_OPTIONS',
    'LOCALDOMAIN',
  ],
];

/**
 * The daemon lives for years beside other people's programs: V8 and malloc are told to
 * keep small. Commands end soon.
 */
const starter = `#!/bin/sh
# Nothing that a shell carries for other programs of Node.js or OpenSSL changes the ways of this one.
unset ${foreignVariables.join(' ')}
node=${installPath}/bin/node
if [ -s /etc/ld.so.preload ] && ! why=$("$node" --version 2>&1 >/dev/null); then
  case \${REGNODE_LANG:-\${LC_ALL:-\${LC_MESSAGES:-$LANG}}} in
    zh*) printf '[fail] PROGRAM_CANNOT_START: regnode 的程序无法在此主机启动：%s\\n       → 请查看 /etc/ld.so.preload：其中的库必须适用于 glibc 2.36。之后：systemctl start regnode\\n' "$why" ;;
    *) printf '[fail] PROGRAM_CANNOT_START: The program of regnode does not start on this host: %s\\n       → Look at /etc/ld.so.preload: a library there must go with glibc 2.36. Then: systemctl start regnode\\n' "$why" ;;
  esac >&2
  exit 2 # systemd starts it no more: that would not mend it
fi
if [ "\${1-}" = run ]; then
  export MALLOC_ARENA_MAX=2 MALLOC_TRIM_THRESHOLD_=131072
  exec "$node" --optimize-for-size --max-semi-space-size=1 --v8-pool-size=1 ${installPath}/app/main.js "$@"
fi
exec "$node" ${installPath}/app/main.js "$@"
`;

/** install.sh is read as a whole before its first command runs, so it may remove itself. */
const uninstaller = `#!/bin/sh
exec sh ${installPath}/install.sh --uninstall "$@"
`;

async function executable(file: string, content: string): Promise<void> {
  await writeFile(file, content);
  await chmod(file, 0o755);
}

async function copyLicence(packageFolder: string, folder: string): Promise<void> {
  const { name, license } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as {
    name: string;
    license?: string;
  };
  const target = join(folder, name.replace('@', '').replace('/', '-'));
  const file = (await readdir(packageFolder)).find((entry) =>
    /^(?:licen[cs]e|copying)/i.test(basename(entry)),
  );
  if (file === undefined) await writeFile(target, `${name}: ${license ?? 'no licence stated'}\n`);
  else await copyFile(join(packageFolder, file), target);
}
