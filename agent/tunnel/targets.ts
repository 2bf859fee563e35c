// What the gateway may reach through this agent: the kubelet, and nothing else.
import type { ResolveTarget, TargetAddress } from '../../protocol/tunnel/targets.ts';

export const kubeletAddress: TargetAddress = { host: '127.0.0.1', port: 10250 };

export const kubeletOnly: ResolveTarget = ({ target }) => (target === 'kubelet' ? kubeletAddress : undefined);
