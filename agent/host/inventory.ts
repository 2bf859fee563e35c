// What the machine is made of, by systeminformation: it starts commands (dmidecode, lsblk) and blocks on
// some, so it is asked on demand alone, for a bug report, and never in the collectors' loop. What cannot be
// found out is left empty; nothing here fails a command. No serial number and no address is taken.
import systeminformation from 'systeminformation';

export interface Inventory {
  readonly system: { readonly manufacturer: string; readonly model: string; readonly virtual: boolean };
  readonly cpu: {
    readonly manufacturer: string;
    readonly brand: string;
    readonly sockets: number;
    readonly cores: number;
    readonly threads: number;
  };
  readonly memory: { readonly totalBytes: number; readonly modules: readonly MemoryModule[] };
  readonly disks: readonly Disk[];
  readonly networks: readonly NetworkDevice[];
}

interface MemoryModule {
  readonly bank: string;
  readonly sizeBytes: number;
  readonly type: string;
}

interface Disk {
  readonly device: string;
  readonly vendor: string;
  readonly model: string;
  readonly kind: string;
  readonly sizeBytes: number;
}

interface NetworkDevice {
  readonly device: string;
  readonly kind: string;
  readonly speedMbit: number | null;
}

export async function readInventory(): Promise<Inventory> {
  const [system, cpu, memory, modules, disks, networks] = await Promise.all([
    systeminformation.system(),
    systeminformation.cpu(),
    systeminformation.mem(),
    orNone(systeminformation.memLayout()),
    orNone(systeminformation.diskLayout()),
    orNone(systeminformation.networkInterfaces()),
  ]);
  return {
    system: { manufacturer: system.manufacturer, model: system.model, virtual: system.virtual },
    cpu: {
      manufacturer: cpu.manufacturer,
      brand: cpu.brand,
      sockets: cpu.processors,
      cores: cpu.physicalCores,
      threads: cpu.cores,
    },
    memory: {
      totalBytes: memory.total,
      modules: modules.map(({ bank, size, type }) => ({ bank, sizeBytes: size, type })),
    },
    disks: disks.map(({ device, vendor, name, type, size }) => ({
      device,
      vendor,
      model: name,
      kind: type,
      sizeBytes: size,
    })),
    networks: networks.map(({ iface, type, speed }) => ({
      device: iface,
      kind: type,
      speedMbit: speed,
    })),
  };
}

/** systeminformation answers some lists as one thing when there is only one. */
async function orNone<T>(list: Promise<T | T[]>): Promise<T[]> {
  try {
    const answer = await list;
    return Array.isArray(answer) ? answer : [answer];
  } catch {
    return [];
  }
}
