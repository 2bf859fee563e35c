// One TCP socket of this host by its two ends, asked of the kernel itself: the same time whether the host has
// a hundred sockets or a million. It costs a kernel module that nobody may need otherwise, so it is asked
// only where the tables are long. undefined where the addon or the kernel has no such question.
import { type KernelCalls, kernelCalls } from './kernel-calls.ts';
import type { SocketAddress } from './socket-table.ts';

interface ExactSocket {
  readonly uid: number;
  /** '0' when its process has closed it. */
  readonly inode: string;
}

export type AskSocket = (own: SocketAddress, other: SocketAddress) => ExactSocket | undefined;

/** The other end of what listens. */
export const anybody: SocketAddress = { address: '0.0.0.0', port: 0 };

let loaded: { readonly calls: KernelCalls | undefined } | undefined;

export function exactSocket(calls?: Pick<KernelCalls, 'socketAt'>): AskSocket {
  return (own, other) => {
    const asked = calls ?? addon();
    const [ownNumber, otherNumber] = [numberOf(own), numberOf(other)];
    if (asked === undefined || ownNumber === undefined || otherNumber === undefined) return undefined;
    const [uid, inode] = asked.socketAt(ownNumber, own.port, otherNumber, other.port) ?? [];
    return uid === undefined ? undefined : { uid, inode: String(inode) };
  };
}

/** One that can't be loaded here is none. */
function addon(): KernelCalls | undefined {
  if (loaded === undefined) {
    try {
      loaded = { calls: kernelCalls() };
    } catch {
      loaded = { calls: undefined };
    }
  }
  return loaded.calls;
}

function numberOf({ address }: SocketAddress): number | undefined {
  const bytes = address.replace(/^::ffff:/, '').split('.');
  return bytes.length === 4 ? bytes.reduce((sum, byte) => sum * 256 + Number(byte), 0) : undefined;
}
