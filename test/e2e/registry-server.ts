// A registry of images that a test runs in the cloud's network namespace, over TLS, read-only: `node
// registry-server.ts ADDRESS PORT CERTIFICATE KEY ARCHIVE`. ARCHIVE is an unpacked docker-archive with one
// image, given out under every name and tag. Each request is a line on stdout, with the registry that a
// mirror's client says it really wants (ns).
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';

const [address = '', port = '', certificate = '', key = '', archive = ''] = process.argv.slice(2);
const read = (name: string) => readFileSync(join(archive, name));
const digestOf = (content: Buffer) => `sha256:${createHash('sha256').update(content).digest('hex')}`;
const described = (mediaType: string, content: Buffer) => ({
  mediaType,
  size: content.length,
  digest: digestOf(content),
});

const [image] = JSON.parse(read('manifest.json').toString()) as { Config: string; Layers: string[] }[];
if (image === undefined) throw new Error(`${archive} holds no image`);
const configuration = read(image.Config);
const layers = image.Layers.map(read);
const manifestType = 'application/vnd.docker.distribution.manifest.v2+json';
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    config: described('application/vnd.docker.container.image.v1+json', configuration),
    layers: layers.map((layer) => described('application/vnd.docker.image.rootfs.diff.tar', layer)),
  }),
);
const blobs = new Map([configuration, ...layers].map((content) => [digestOf(content), content]));

createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (request, response) => {
  const url = new URL(request.url ?? '/', `https://${address}`);
  process.stdout.write(`${request.method} ${url.pathname} ns=${url.searchParams.get('ns')}\n`);
  const digest = /\/blobs\/(sha256:[0-9a-f]{64})$/.exec(url.pathname)?.[1];
  const content = digest === undefined ? manifest : blobs.get(digest);
  if (url.pathname === '/v2/') return void response.end('{}');
  if (content === undefined || !/\/(blobs|manifests)\//.test(url.pathname))
    return void response.writeHead(404).end();
  response.writeHead(200, {
    'content-type': digest === undefined ? manifestType : 'application/octet-stream',
    'content-length': content.length,
    'docker-content-digest': digestOf(content),
  });
  response.end(request.method === 'HEAD' ? undefined : content);
}).listen(Number(port), address);
