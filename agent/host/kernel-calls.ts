// The addon with the system calls that Node.js doesn't offer (kernel-calls.c). The build compiles it and lays it beside the program;
// a program run from its sources has none, and whoever asks does without. It never installs or compiles anything.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

export interface KernelCalls {
  /** Unmaps pages of a program's or library's code and constants until they are touched again: 0, or an errno. */
  releasePages(address: number, bytes: number): number;
  /** What adjtimex(2) says, nothing set: state, status, offset, frequency, maximum and estimated error, time constant, tick, TAI offset, in
   *  the kernel's units. undefined where it may not be asked. */
  clockDiscipline(): readonly number[] | undefined;
}

/** undefined without the addon; throws when there is one that can't be loaded here. */
export function kernelCalls(addon = join(import.meta.dirname, 'kernel-calls.node')): KernelCalls | undefined {
  return existsSync(addon) ? (createRequire(addon)(addon) as KernelCalls) : undefined;
}
