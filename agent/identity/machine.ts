// Which machine this is, beside what a copied disk would have too: the kernel's boot, and parts of the
// hardware. What firmware and hypervisors give to every machine alike counts as not told, and so does what
// only root may read where we are not root. Nothing here is a secret, and nothing is authorised by it.
import type { Hardware, Machine } from '../../protocol/messages/machine.ts';
import type { Host } from '../host/host.ts';

const boardFiles = ['product_uuid', 'product_serial', 'board_serial', 'chassis_serial'];
const diskFiles = ['serial', 'device/serial', 'wwid', 'device/wwid'];
const partCharacters = 64;
const kindParts = 8;

/** As vendors leave them: words, one character again and again, a row of digits, AMI's UUID, QEMU's disks. */
const placeholders = [
  /^(not |none|n\/?a$|unknown|default|empty|null|system |chassis |base ?board|to be filled|o\.e\.m|oem|invalid|xxx)/i,
  /^[\W_]*$|^[\W_]*(\w)(\1|[\W_])*$/,
  /^0?123456789/,
  /-0006-000700080009$/,
  /qm0000\d|drive-(scsi|ide|sata|virtio)\d/,
];

export async function readMachine(host: Host): Promise<Machine> {
  const hardware = await readHardware(host);
  return {
    hostname: (await host.hostname()).slice(0, 253),
    bootId: await readBootId(host),
    ...(hardware && { hardware }),
  };
}

export async function readBootId(host: Host): Promise<string> {
  const text = await host.files.readText('/proc/sys/kernel/random/boot_id');
  return (text ?? '').trim().slice(0, partCharacters);
}

export async function readHardware(host: Host): Promise<Hardware | undefined> {
  const [board, cards, disks] = await Promise.all([readBoard(host), readCards(host), readDisks(host)]);
  const told = Object.entries({ board, cards, disks }).filter(([, parts]) => parts.length > 0);
  return told.length === 0 ? undefined : Object.fromEntries(told);
}

async function readBoard(host: Host): Promise<string[]> {
  const found = await Promise.all(boardFiles.map((file) => readPart(host, `/sys/class/dmi/id/${file}`)));
  return parts(found).slice(0, boardFiles.length);
}

/** Addresses that cards were made with: of virtual ones, and of those that were given another, none. */
async function readCards(host: Host): Promise<string[]> {
  const found: (string | undefined)[] = [];
  for (const name of (await host.files.list('/sys/class/net')) ?? []) {
    const folder = `/sys/class/net/${name}`;
    if ((await host.files.status(`${folder}/device`)) === undefined) continue;
    const isOwn = (await host.files.readText(`${folder}/addr_assign_type`))?.trim() === '0';
    const bonded = await readPart(host, `${folder}/bonding_slave/perm_hwaddr`);
    found.push(bonded ?? (isOwn ? await readPart(host, `${folder}/address`) : undefined));
  }
  return parts(found);
}

async function readDisks(host: Host): Promise<string[]> {
  const found: (string | undefined)[] = [];
  for (const name of (await host.files.list('/sys/class/block')) ?? []) {
    const folder = `/sys/class/block/${name}`;
    if ((await host.files.status(`${folder}/device`)) === undefined) continue;
    for (const file of diskFiles) {
      const part = await readPart(host, `${folder}/${file}`);
      if (part === undefined) continue;
      found.push(part);
      break;
    }
  }
  return parts(found);
}

function parts(found: readonly (string | undefined)[]): string[] {
  return [...new Set(found.filter((part) => part !== undefined))].toSorted().slice(0, kindParts);
}

async function readPart(host: Host, path: string): Promise<string | undefined> {
  const text = await host.files.readText(path).catch(() => undefined);
  const part = (text ?? '').replaceAll(/\s+/g, ' ').trim().toLowerCase().slice(-partCharacters);
  return part === '' || placeholders.some((one) => one.test(part)) ? undefined : part;
}
