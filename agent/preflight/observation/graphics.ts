// NVIDIA cards by their PCI identity. nvidia-smi is never called: it creates device
// files and loads the driver.
import type { Host } from '../../host/host.ts';

const nvidia = '0x10de';
/** PCI class 03: display controllers (VGA and 3D). */
const displayClass = '0x03';

export async function nvidiaCards(host: Host): Promise<number> {
  const folder = '/sys/bus/pci/devices';
  const devices = (await host.files.list(folder)) ?? [];
  const found = await Promise.all(
    devices.map(async (device) => {
      const vendor = (await host.files.readText(`${folder}/${device}/vendor`))?.trim();
      if (vendor !== nvidia) return false;
      return (await host.files.readText(`${folder}/${device}/class`))?.startsWith(displayClass) ?? false;
    }),
  );
  return found.filter(Boolean).length;
}

/**
 * `NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.82.01  …` → `470.82.01`; undefined when not loaded.
 */
export async function nvidiaDriver(host: Host): Promise<string | undefined> {
  const text = await host.files.readText('/proc/driver/nvidia/version');
  return text === undefined ? undefined : (/Kernel Module\D*(\d+(?:\.\d+)+)/.exec(text)?.[1] ?? '?');
}
