// What the live copies keep of objects that nodes write.
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { certificateSigningRequests } from '../../../../gateway/kubernetes/kinds.ts';
import { clientSigner, servingSigner } from '../../../../gateway/nodes/kubelet-certificates.ts';
import { createClusterView } from '../../../../gateway/serve/cluster-view.ts';
import { memoryKubernetes } from '../memory-kubernetes.ts';

test('of certificate requests those of the kubelets’ signers, undecided, and of them what is decided by', async () => {
  const kubernetes = memoryKubernetes();
  const make = (name: string, spec: object, status: object = {}) =>
    kubernetes.create(certificateSigningRequests, {
      metadata: { name, annotations: { long: '<'.repeat(255 * 1024) } },
      spec: { request: 'cHE=', signerName: servingSigner, username: 'system:node:idc-1', ...spec },
      status,
    });
  const listed: unknown[] = [];
  kubernetes.before = (verb, plural, options) => {
    if (verb === 'list' && plural === 'certificatesigningrequests') listed.push(options);
  };
  await make('serving', {});
  await make('other', { signerName: 'example.com/other' });
  await make('decided', {}, { conditions: [{ type: 'Approved' }] });
  const view = createClusterView(kubernetes, pino({ level: 'silent' }), {
    kubernetesErrors: { inc: () => undefined } as never,
  });
  const seen: string[] = [];
  view.certificateRequests.onChange(({ name, object }) => object && seen.push(name));
  const stop = new AbortController();
  const running = view.run(stop.signal);
  await expect.poll(() => seen).toEqual(['serving']);
  await make('client', { signerName: clientSigner, request: 'x'.repeat(100_000) });
  await make('late', { signerName: 'example.com/other' });
  await make('of many usages', { usages: Array.from({ length: 50_000 }, () => 'client auth') });
  await make('of a long usage', { usages: ['x'.repeat(1_000_000)] });
  await expect.poll(() => seen).toEqual(['serving', 'client', 'of many usages', 'of a long usage']);
  expect(listed).toMatchObject([
    { fieldSelector: `spec.signerName=${clientSigner}` },
    { fieldSelector: `spec.signerName=${servingSigner}` },
  ]);
  expect(view.certificateRequests.get('serving')?.spec.request).toBe('cHE=');
  for (const name of seen)
    expect(JSON.stringify(view.certificateRequests.get(name)).length).toBeLessThan(1000);
  for (const name of ['other', 'decided', 'late']) expect(view.certificateRequests.get(name)).toBeUndefined();
  stop.abort();
  await running;
});
