// The addon with the system calls that Node.js doesn't offer (kernel-calls.c). The build compiles it and lays
// it beside the program; a program run from its sources has none, and whoever asks does without. It never
// installs or compiles anything.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { join } from 'node:path';

export interface KernelCalls {
  /**
   * Unmaps pages of a program's or library's code and constants until they are touched again: 0, or an errno.
   */
  releasePages(address: number, bytes: number): number;
  /**
   * What adjtimex(2) says, nothing set: state, status, offset, frequency, maximum and estimated error, time
   * constant, tick, TAI offset, in the kernel's units. undefined where it may not be asked.
   */
  clockDiscipline(): readonly number[] | undefined;
  /**
   * One message to a unix datagram socket (`/path`, or `@name` without a file), without waiting: 0, or
   * an errno. Both are bounded.
   */
  sendDatagram(path: string, text: string): number;
  /**
   * [uid, inode, state] of the TCP socket with these two ends (IPv4, each as one number); with 0 and port 0
   * at the other end, of the one that listens. undefined: there is none, or this kernel can't say.
   */
  socketAt(
    ownAddress: number,
    ownPort: number,
    otherAddress: number,
    otherPort: number,
  ): readonly number[] | undefined;
}

/** undefined without the addon; throws when there is one that can't be loaded here. */
export function kernelCalls(addon = join(import.meta.dirname, 'kernel-calls.node')): KernelCalls | undefined {
  return existsSync(addon) ? (createRequire(addon)(addon) as KernelCalls) : undefined;
}

/** There was no room for it now. */
export const tryAgain = constants.errno.EAGAIN;

/** ENOENT for 2. */
export function errorName(failure: number): string {
  const names = Object.entries(constants.errno);
  return names.find(([, number]) => number === failure)?.[0] ?? `errno ${failure}`;
}
