// Which kubelets an API server may have, as Kubernetes' version skew policy says: never newer than the API
// server, and at most two minor versions older, three from 1.28 on. Pure.
import { Fault } from '../../protocol/catalogue/fault.ts';

interface Release {
  readonly major: number;
  readonly minor: number;
}

/** undefined when it fits, or when one of the two is no version of Kubernetes. */
export function skewFault(kubelet: string, server: string): Fault | undefined {
  const [node, control] = [parse(kubelet), parse(server)];
  if (!node || !control) return undefined;
  const allowed = control.minor >= 28 ? 3 : 2;
  const oldest = `${control.major}.${Math.max(0, control.minor - allowed)}`;
  const values = { version: kubelet, server, oldest, newest: `${control.major}.${control.minor}` };
  if (node.major > control.major || (node.major === control.major && node.minor > control.minor)) {
    return new Fault('VERSION_SKEW', { ...values, detail: 'a kubelet must not be newer' });
  }
  if (node.major < control.major || control.minor - node.minor > allowed) {
    return new Fault('VERSION_SKEW', {
      ...values,
      detail: `it is more than ${allowed} minor versions older`,
    });
  }
  return undefined;
}

function parse(text: string): Release | undefined {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(text) ?? [];
  return major === undefined || minor === undefined
    ? undefined
    : { major: Number(major), minor: Number(minor) };
}
