// Whether two statements of hardware are of one machine. Parts that change together are one kind
// (board, network cards, disks), and a kind is the same when any part of it is: a card that was
// replaced, a disk that was added change nothing. One kind that differs is a repair; two that differ,
// and no more that are the same, are another machine. What one side does not tell says nothing: cheap
// virtual machines tell little. Pure.
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Hardware } from '../../protocol/messages/machine.ts';
import type { RegisteredNode } from '../resources/registered-node.ts';

type Comparison = 'same' | 'other' | 'unknown';

const kinds = ['board', 'cards', 'disks'] as const;
const words = { board: 'board', cards: 'network cards', disks: 'disks' };

type Kind = (typeof kinds)[number];

export function compareHardware(known: Hardware | undefined, told: Hardware | undefined) {
  const compared = kinds.filter((kind) => partsOf(known, kind).length > 0 && partsOf(told, kind).length > 0);
  const isSame = (kind: Kind) => partsOf(known, kind).some((one) => partsOf(told, kind).includes(one));
  const same = compared.filter(isSame);
  const differing = compared.filter((kind) => !isSame(kind));
  const comparison: Comparison =
    differing.length >= 2 && differing.length > same.length ? 'other' : same.length > 0 ? 'same' : 'unknown';
  return { comparison, same, differing };
}

/** What is known from now on: what is told, and of what it does not tell the former. */
export function mergedHardware(
  known: Hardware | undefined,
  told: Hardware | undefined,
): Hardware | undefined {
  const merged = { ...known, ...told };
  return Object.keys(merged).length === 0 ? undefined : merged;
}

/** Why a machine is not the registered one. The values of that one are told to nobody. */
export function otherMachine(existing: RegisteredNode, told: Hardware | undefined): Fault | undefined {
  const { comparison, same, differing } = compareHardware(existing.status?.facts?.hardware, told);
  if (comparison !== 'other') return undefined;
  const list = (found: readonly Kind[]) => found.map((kind) => words[kind]).join(', ');
  const detail = `other ${list(differing)}${same.length === 0 ? '' : `; the same ${list(same)}`}`;
  return new Fault('HARDWARE_DIFFERS', { name: existing.metadata.name, detail });
}

function partsOf(hardware: Hardware | undefined, kind: Kind): readonly string[] {
  return hardware?.[kind] ?? [];
}
