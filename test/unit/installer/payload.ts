// A payload with the shape of the real one, whose program is a shell script: it writes down how it was called
// (arguments, token, what is in its environment) and ends as it is told to.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface PayloadShape {
  /** Lines of sh that run after the call was written down. */
  readonly program?: string;
  /**
   * sh in place of the loader that the real payload brings: what starts the program before anything uses it.
   */
  readonly loader?: string;
  /** Size of a file of zeros: packs to almost nothing. */
  readonly ballastMiB?: number;
  /** Size of a file that does not pack. */
  readonly noiseKiB?: number;
}

export function makePayload(version: string, shape: PayloadShape = {}): Buffer {
  const tree = mkdtempSync(join(tmpdir(), 'regnode-payload-'));
  try {
    for (const folder of ['bin', 'lib', 'app', 'LICENSES', 'systemd']) mkdirSync(join(tree, folder));
    writeFileSync(join(tree, 'bin/regnode'), program(version, shape.program ?? ''));
    chmodSync(join(tree, 'bin/regnode'), 0o755);
    writeFileSync(join(tree, 'app/main.js'), '');
    if (shape.loader !== undefined) {
      const loader = join(tree, 'lib/ld-linux-x86-64.so.2');
      writeFileSync(loader, `#!/bin/sh\n${shape.loader}\n`);
      chmodSync(loader, 0o755);
    }
    if (shape.ballastMiB)
      writeFileSync(join(tree, 'lib/ballast'), Buffer.alloc(shape.ballastMiB * 1024 * 1024));
    if (shape.noiseKiB) writeFileSync(join(tree, 'lib/noise'), randomBytes(shape.noiseKiB * 1024));
    writeFileSync(join(tree, 'VERSION'), `${version}\n`);
    copyFileSync('systemd/regnode.service', join(tree, 'systemd/regnode.service'));
    copyFileSync('installer/install.sh', join(tree, 'install.sh'));
    writeFileSync(
      join(tree, 'uninstall.sh'),
      '#!/bin/sh\nexec sh /opt/regnode/install.sh --uninstall "$@"\n',
    );
    chmodSync(join(tree, 'uninstall.sh'), 0o755);
    return execFileSync('tar', ['-cz', '-C', tree, '.'], { maxBuffer: 1024 ** 3 });
  } finally {
    rmSync(tree, { recursive: true });
  }
}

function program(version: string, lines: string): string {
  return `#!/bin/sh
if [ "$1" = version ]; then echo ${version}; exit 0; fi
echo "called $*" >>/run/calls
for argument; do
  if [ "$previous" = --token-file ]; then
    echo "token $(cat "$argument") mode $(stat -c %a "$argument")" >>/run/calls
  fi
  previous=$argument
done
if env | grep -q '^REGNODE_TOKEN='; then echo 'the token is in the environment' >>/run/calls; fi
${lines}
`;
}
