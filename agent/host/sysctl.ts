// Kernel parameters by their sysctl(8) name. `net.ipv4.conf.eth0/1.forwarding` keeps its dot inside a name by
// a slash, as sysctl has it. A file of /proc/sys is written in place: a rename is not possible there.
import { writeFile } from 'node:fs/promises';
import type { Host, HostFiles } from './host.ts';

export function createSysctl(
  files: HostFiles,
  locate: (path: string) => string = (path) => path,
): Pick<Host, 'sysctl' | 'setSysctl'> {
  return {
    async sysctl(name) {
      const text = await files.readText(pathOf(name));
      return text?.trim().replaceAll(/\s+/g, ' ');
    },
    async setSysctl(name, value) {
      await writeFile(locate(pathOf(name)), `${value}\n`, { flag: 'r+' });
    },
  };
}

function pathOf(name: string): string {
  if (!/^[A-Za-z0-9_.:/-]+$/.test(name) || name.includes('..')) throw new Error(`not a sysctl name: ${name}`);
  const swapped = name.replaceAll(/[./]/g, (character) => (character === '.' ? '/' : '.'));
  return `/proc/sys/${swapped}`;
}
