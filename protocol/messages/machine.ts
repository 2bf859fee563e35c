// Which machine speaks, as it says: for people, and to be compared with what was registered. A copy of a disk
// has the key and the name of the first host, but not its boot and rarely its hardware. All of it is a claim:
// what it decides is whether the claimant itself gets in, and nothing of anybody else.
import { z } from 'zod';
import { shownText } from '../grammar.ts';

const part = shownText(64);

/** Parts that change together are one kind; what a machine does not tell is not there. */
export const hardwareSchema = z.strictObject({
  /** Serial numbers and the UUID of the board, as the firmware has them. */
  board: z.array(part).max(4).optional(),
  /** Hardware addresses of physical network cards. */
  cards: z.array(part).max(8).optional(),
  /** Serial numbers of disks. */
  disks: z.array(part).max(8).optional(),
});

/** In the agent's HELLO. */
export const machineSchema = z.strictObject({
  hostname: shownText(253),
  /** Of the kernel's boot: another one on each machine, and after each restart of it. */
  bootId: shownText(64),
  hardware: hardwareSchema.optional(),
});

/** A host as the gateway has seen it: `address` is the other end of its connection, the rest it says. */
export const seenHostSchema = z.strictObject({
  address: shownText(64),
  hostname: shownText(253).optional(),
  bootId: shownText(64).optional(),
});

/** A host that asked for a node that is another host's, and was refused. */
export const identityConflictSchema = z.strictObject({
  /** IDENTITY_IN_USE or HARDWARE_DIFFERS. */
  code: shownText(64),
  refused: seenHostSchema,
  detail: shownText(512).optional(),
});

export type Hardware = z.infer<typeof hardwareSchema>;
export type Machine = z.infer<typeof machineSchema>;
export type SeenHost = z.infer<typeof seenHostSchema>;
export type IdentityConflict = z.infer<typeof identityConflictSchema>;

/** For people: `idc-1 at 10.0.0.7, boot 1a2b3c4d`. */
export function describeHost({ address, hostname, bootId }: SeenHost): string {
  const boot = bootId === undefined ? '' : `, boot ${bootId.slice(0, 8)}`;
  return `${hostname === undefined ? '' : `${hostname} at `}${address || '?'}${boot}`;
}
