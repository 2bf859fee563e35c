// Under which licence each archive comes: a file `licence` beside the architectures says so in one
// SPDX expression; else what the projects themselves say. Images are somebody's choice: without that
// file it is said that nobody said.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifact } from '../../protocol/messages/desired.ts';

const known: Readonly<Record<Artifact['component'], string>> = {
  containerd: 'Apache-2.0',
  runc: 'Apache-2.0',
  kubelet: 'Apache-2.0',
  'cni-plugins': 'Apache-2.0',
  crictl: 'Apache-2.0',
  images: 'NOASSERTION',
  agent: 'Apache-2.0',
};

export async function licenceOf(component: Artifact['component'], folder?: string): Promise<string> {
  const file = folder && (await readFile(join(folder, 'licence'), 'utf8').catch(() => undefined));
  return file?.trim() || known[component];
}
