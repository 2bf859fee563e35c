// A node that only sends: the very bytes that a heartbeat is on the wire, over TCP or TLS, and no handshake
// of ours. Its server counts bytes; what that costs is the floor under the gateway's figures.
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { heartbeatBytes } from '../../../protocol/telemetry/heartbeat.ts';
import { frameHeaderBytes } from '../../../protocol/tunnel/limits.ts';
import type { Identity } from '../tunnel/role.ts';

/** The websocket's header and mask, the tunnel's header, the heartbeat. */
export const heartbeatWireBytes = 2 + 4 + frameHeaderBytes + heartbeatBytes;
const frame = Buffer.alloc(heartbeatWireBytes, 0x5a);

export async function openBare(
  url: string,
  identity: Identity | undefined,
): Promise<{ heartbeat(): void; close(): void }> {
  const { hostname: host, port: text } = new URL(url);
  const port = Number(text);
  const socket = identity
    ? tls.connect({
        host,
        port,
        cert: identity.certificatePem,
        key: identity.keyPem,
        ca: identity.caPem,
        checkServerIdentity: () => undefined,
      })
    : net.connect({ host, port });
  await once(socket, identity ? 'secureConnect' : 'connect');
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.resume();
  return { heartbeat: () => void socket.write(frame), close: () => socket.destroy() };
}
