// What runs in a pod of e2e webhook: an admission webhook and an aggregated API behind one TLS port. Objects
// with the label `refused` are refused.
//
//   node pod-server.ts PORT CERTIFICATE KEY
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { text } from 'node:stream/consumers';

const [port = '', certificate = '', key = ''] = process.argv.slice(2);

interface AdmissionReview {
  readonly apiVersion: string;
  readonly kind: string;
  readonly request: {
    readonly uid: string;
    readonly object?: { readonly metadata?: { readonly labels?: Readonly<Record<string, string>> } };
  };
}

const groupVersion = 'pods.example.com/v1';
const resources = { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: [] };

function admit(body: string): unknown {
  const { apiVersion, kind, request } = JSON.parse(body) as AdmissionReview;
  const isRefused = request.object?.metadata?.labels?.refused !== undefined;
  const status = { message: 'refused by the pod' };
  const response = { uid: request.uid, allowed: !isRefused, ...(isRefused && { status }) };
  return { apiVersion, kind, response };
}

const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (asked, answer) => {
  void text(asked)
    .then((body) => {
      answer.setHeader('content-type', 'application/json');
      if (asked.method === 'POST') answer.end(JSON.stringify(admit(body)));
      else if (asked.url?.startsWith('/apis/')) answer.end(JSON.stringify(resources));
      else answer.end(JSON.stringify({ path: asked.url }));
    })
    .catch((error: unknown) => answer.writeHead(400).end(String(error)));
});
server.listen(Number(port), '::');
