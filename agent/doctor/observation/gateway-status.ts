// What the gateway says of this node, to this node.
import { Fault, type FaultValues } from '../../../protocol/fault.ts';
import { type NodeStatusResponse, nodeStatusResponseSchema } from '../../../protocol/join.ts';
import type { Host } from '../../host/host.ts';
import type { JoinedNode } from '../joined-node.ts';

const timeoutMs = 4000;

/** undefined without an identity; throws the Fault that the gateway answered with, or the system's error. */
export async function askGateway(host: Host, node: JoinedNode): Promise<NodeStatusResponse | undefined> {
  if (node.identity === undefined) return undefined;
  const { caPem, certificatePem, keyPem } = node.identity;
  const url = `${node.state.identity.gatewayUrl}/v1/node/status`;
  const answer = await host.network.get(url, { timeoutMs, caPem, certificatePem, keyPem });
  const body: unknown = JSON.parse(answer.body);
  if (answer.status === 200) return nodeStatusResponseSchema.parse(body);
  const wire = (body as { error?: { code?: string; values?: FaultValues } } | null)?.error;
  throw Fault.fromWire({ code: wire?.code ?? `HTTP ${answer.status}`, values: wire?.values ?? {} });
}
