// Whether this host is (or is becoming) a node of regnode: then kubelet, containerd and the files under
// /etc/kubernetes are our own and no leftovers.
import { paths } from '../../config/paths.ts';
import type { Host } from '../../host/host.ts';

const traces = [paths.configuration, paths.stateFile, paths.journal];

export async function isJoined(host: Host): Promise<boolean> {
  const found = await Promise.all(traces.map((path) => host.files.exists(path)));
  return found.includes(true);
}
