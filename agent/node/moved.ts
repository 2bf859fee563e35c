// Whether the kubelet was given an address that this host has no longer. Such a kubelet is no use to anybody,
// so what it waits for with a restart, its node's turn, is not waited for.
import { paths } from '../config/paths.ts';
import type { Host } from '../host/host.ts';

export async function hasMoved(host: Host): Promise<boolean> {
  const unit = (await host.files.readText(`${paths.units}/kubelet.service`)) ?? '';
  const given = /--node-ip[= ]"?([0-9a-fA-F.:]+)/.exec(unit)?.[1];
  if (given === undefined) return false;
  const own = (await host.network.interfaces()).flatMap(({ addresses }) => addresses);
  return own.every((address) => address.replace(/\/\d+$/, '') !== given);
}
