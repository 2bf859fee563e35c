// Run in the cloud of a sandbox: prints a certificate for a node's own key, signed by the gateway's real CA
// when the clock said a hundred days ago, for the usual ninety days. KUBECONFIG is the administrator's.
import { createPublicKey } from 'node:crypto';
import { Authority, nodeLifetimeMs } from '../../gateway/join/authority.ts';
import { connectCluster } from '../../gateway/kubernetes/connect.ts';

const [kubeconfig = '', name = '', pool = '', publicKeyPem = ''] = process.argv.slice(2);
const hundredDaysMs = 100 * 24 * 3600_000;
const { kubernetes } = await connectCluster(kubeconfig);
const authority = await Authority.open(kubernetes, () => Date.now() - hundredDaysMs, {
  nodeMs: nodeLifetimeMs,
});
const der = createPublicKey(publicKeyPem).export({ type: 'spki', format: 'der' });
const publicKey = await crypto.subtle.importKey('spki', der, { name: 'ECDSA', namedCurve: 'P-256' }, true, [
  'verify',
]);
const { certificatePem } = await authority.issueNode({ name, pool, publicKey });
process.stdout.write(certificatePem);
process.exit(0);
