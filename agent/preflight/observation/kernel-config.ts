// How the running kernel was built: /proc/config.gz when it carries its configuration, else the file that the
// distribution put under /boot or /lib/modules. Modules that are loaded or built in are no substitute: a
// feature that is built in never shows in lsmod.
import { gunzipSync } from 'node:zlib';
import type { Host } from '../../host/host.ts';

/** Option (without CONFIG_) → `y` or `m`; options that are off are absent. */
export type KernelConfig = ReadonlyMap<string, string>;

const limitBytes = 4 * 1024 * 1024;

/** undefined when no configuration is to be found. */
export async function kernelConfig(host: Host): Promise<KernelConfig | undefined> {
  const packed = await host.files.readBytes('/proc/config.gz', limitBytes);
  if (packed) return parseKernelConfig(gunzipSync(packed, { maxOutputLength: limitBytes }).toString());
  const { release } = await host.kernel();
  for (const path of [`/boot/config-${release}`, `/lib/modules/${release}/config`]) {
    const text = await host.files.readText(path, limitBytes);
    if (text !== undefined) return parseKernelConfig(text);
  }
  return undefined;
}

export function parseKernelConfig(text: string): KernelConfig {
  const options = new Map<string, string>();
  for (const match of text.matchAll(/^CONFIG_([A-Z0-9_a-z]+)=([ym])$/gm)) {
    options.set(match[1] ?? '', match[2] ?? '');
  }
  return options;
}

/** Which of the options are off. `A|B` is there when either is: some were renamed over the years. */
export function missingOptions(config: KernelConfig, wanted: readonly string[]): readonly string[] {
  return wanted.filter((option) => !option.split('|').some((name) => config.has(name)));
}

/** True when the kernel has the feature without having to load a module: built in, or loaded already. */
export async function isPresent(host: Host, option: string, module: string): Promise<boolean> {
  if ((await kernelConfig(host))?.get(option) === 'y') return true;
  const loaded = (await host.files.readText('/proc/modules')) ?? '';
  return loaded.split('\n').some((line) => line.split(' ')[0] === module);
}
