// The long form of an image's name, as containerd keeps it: `busybox` is
// docker.io/library/busybox:latest. Pure.

export function normalizeImageName(name: string): string {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const hasRegistry = first.includes('.') || first.includes(':') || first === 'localhost';
  const path = hasRegistry ? name : slash < 0 ? `docker.io/library/${name}` : `docker.io/${name}`;
  const lastPart = path.slice(path.lastIndexOf('/') + 1);
  return lastPart.includes(':') || lastPart.includes('@') ? path : `${path}:latest`;
}
