// A pod on a given host that prints a numbered line a second and serves them, from the sandbox's own image: what
// quickstart shows and tests look at.
import { busyboxImage } from './images.ts';
import { kubectl } from './registration.ts';
import type { Sandbox } from './sandbox.ts';

const script = 'n=0; while true; do n=$((n+1)); echo "line $n on $NODE_NAME"; sleep 1; done';

/** Creates the pod and waits until it is Ready. */
export async function runPod(sandbox: Sandbox, name: string, node: string): Promise<void> {
  await kubectl(sandbox, ['apply', '-f', '-'], JSON.stringify(podManifest(name, node)));
  await kubectl(sandbox, ['wait', '--for=condition=Ready', `pod/${name}`, '--timeout=50s']);
}

function podManifest(name: string, node: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': node },
      tolerations: [{ operator: 'Exists' }],
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'main',
          image: busyboxImage,
          imagePullPolicy: 'Never',
          command: ['/bin/sh', '-c', script],
          env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
        },
      ],
    },
  };
}
