// Settings that an administrator or a package asks for at boot: sysctl.d(5) and sysctl.conf.
import type { Host } from '../../host/host.ts';

const folders = ['/etc/sysctl.d', '/run/sysctl.d', '/usr/lib/sysctl.d'];

export interface SysctlSetting {
  readonly file: string;
  readonly name: string;
  readonly value: string;
}

export async function sysctlSettings(host: Host): Promise<readonly SysctlSetting[]> {
  const listed = await Promise.all(folders.map((folder) => configurationFiles(host, folder)));
  const paths = [...listed.flat(), '/etc/sysctl.conf'];
  const texts = await Promise.all(paths.map((path) => host.files.readText(path)));
  return paths.flatMap((file, index) => parseSysctlFile(file, texts[index] ?? ''));
}

export function parseSysctlFile(file: string, text: string): readonly SysctlSetting[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*-?\s*([a-z][^\s=#;]*)\s*=\s*(.*?)\s*$/i.exec(line);
    return match ? [{ file, name: (match[1] ?? '').replaceAll('/', '.'), value: match[2] ?? '' }] : [];
  });
}

async function configurationFiles(host: Host, folder: string): Promise<readonly string[]> {
  const names = (await host.files.list(folder)) ?? [];
  return names.filter((name) => name.endsWith('.conf')).map((name) => `${folder}/${name}`);
}
