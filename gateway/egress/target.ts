// Reads the target of a CONNECT: `name:port`, `address:port` or `[v6 address]:port`. Pure.

export interface ConnectTarget {
  readonly host: string;
  readonly port: number;
}

export function parseConnectTarget(text: string): ConnectTarget | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([A-Za-z0-9._-]{1,253})):([0-9]{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}

export function formatConnectTarget({ host, port }: ConnectTarget): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
