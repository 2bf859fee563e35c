// An admission webhook that allows everything and counts what it was asked about: one line on stdout each.
//
//   node admission-webhook.ts ADDRESS PORT CERTIFICATE KEY
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { text } from 'node:stream/consumers';

const [address = '', port = '', certificate = '', key = ''] = process.argv.slice(2);

interface AdmissionReview {
  readonly apiVersion: string;
  readonly kind: string;
  readonly request: { readonly uid: string; readonly resource: { readonly resource: string } };
}

const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (asked, answer) => {
  void text(asked)
    .then((body) => {
      const { apiVersion, kind, request } = JSON.parse(body) as AdmissionReview;
      console.log(request.resource.resource);
      answer.setHeader('content-type', 'application/json');
      answer.end(JSON.stringify({ apiVersion, kind, response: { uid: request.uid, allowed: true } }));
    })
    .catch((error: unknown) => answer.writeHead(400).end(String(error)));
});
server.listen(Number(port), address);
