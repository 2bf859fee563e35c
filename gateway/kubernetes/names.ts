// What regnode calls its own things in the cluster: namespaces, users, groups. Their
// rights are in setup/access.ts.

export const gatewayNamespace = 'regnode-system';
/** Join tokens are apart from the CA's key, so that who may list tokens holds no key. */
export const tokenNamespace = 'regnode-tokens';
export const gatewayUser = 'regnode-gateway';
/**
 * Whose token the gateway shows to kubelets: it may read their metrics, and nothing
 * else, in case a host is hostile.
 */
export const metricsUser = 'regnode-metrics';
/** Extra group of every per-node bootstrap token. */
export const bootstrapGroup = 'system:bootstrappers:regnode';
