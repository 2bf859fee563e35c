// The flags of serve: a wrong value is named with its flag.
import { expect, test } from 'vitest';
import { parseListen } from '../../../../gateway/port/listen.ts';
import { parseServeOptions, toldToHosts } from '../../../../gateway/serve/options.ts';

const flags = {
  listen: '0.0.0.0:443',
  publicUrl: 'https://10.77.0.1/',
  artifacts: '/store',
  metricsListen: '127.0.0.1:9464',
};

const certificate = (body: string) => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
const cluster = {
  apiServerCaPem: `subject: the new one\n${certificate('BBBB')}\n${certificate('AA\r\nAA')}${certificate('BBBB')}`,
};

test('defaults', () => {
  expect(parseServeOptions(flags)).toMatchObject({
    listen: { host: '0.0.0.0', port: 443 },
    publicUrl: 'https://10.77.0.1',
    auditFile: '-',
    drainTimeoutMs: 300_000,
    remoteWriteQueue: 500_000,
    certificateLifetime: 90 * 24 * 3600_000,
  });
});

test('kubelets are reached through their tunnels alone where the API server has an egress', () => {
  const egress = { ...flags, egressSocket: '/run/regnode/egress.sock' };
  expect(toldToHosts(parseServeOptions(egress), cluster)).toMatchObject({ kubeletAccess: 'tunnel' });
  expect(toldToHosts(parseServeOptions(flags), cluster)).toMatchObject({ kubeletAccess: 'direct' });
});

test('hosts are told the URL that an operator gave, and each CA of the kubeconfig in one form', () => {
  const asked = { ...flags, apiServerUrl: 'https://api.example.test:6443/' };
  expect(toldToHosts(parseServeOptions(asked), cluster).apiServer).toEqual({
    url: 'https://api.example.test:6443',
    caPem: `${certificate('AAAA')}${certificate('BBBB')}`,
  });
  expect(toldToHosts(parseServeOptions(flags), { apiServerCaPem: '' }).apiServer).toEqual({});
  const huge = certificate('A'.repeat(40_000));
  expect(toldToHosts(parseServeOptions(flags), { apiServerCaPem: huge }).apiServer).toEqual({});
});

test('the life of a certificate, down to seconds', () => {
  expect(parseServeOptions({ ...flags, certificateLifetime: '1m30s' }).certificateLifetime).toBe(90_000);
});

test.each([
  ['--listen', { listen: '443' }],
  ['--listen', { listen: '0.0.0.0:99999' }],
  ['--public-url', { publicUrl: 'http://10.77.0.1' }],
  ['--public-url', { publicUrl: 'https://10.77.0.1/path' }],
  ['--public-url', { publicUrl: 'gateway' }],
  ['--public-url', { publicUrl: 'https://u:s3cret@10.77.0.1' }],
  ['--api-server-url', { apiServerUrl: 'https://u:s3cret@10.77.0.1:6443' }],
  ['--remote-write-url', { remoteWriteUrl: 'https://u:s3cret@store.test/api' }],
  ['--api-server-url', { apiServerUrl: 'http://10.77.0.1:6443' }],
  ['--drain-timeout-ms', { drainTimeoutMs: '-1' }],
  ['--certificate-lifetime', { certificateLifetime: '1s' }],
  ['--certificate-lifetime', { certificateLifetime: 'soon' }],
  ['--artifacts', { artifacts: undefined }],
  ['--remote-write-queue', { remoteWriteQueue: '9999' }],
  ['--remote-write-queue', { remoteWriteQueue: 'all' }],
  ['--remote-write-queue', { remoteWriteQueue: '1.5e9' }],
])('%s is named', (flag, change) => {
  expect(() => parseServeOptions({ ...flags, ...change })).toThrow(
    expect.objectContaining({ code: 'USAGE', values: { detail: expect.stringContaining(flag) } }),
  );
});

test.each([
  ['10.0.0.1:443', { host: '10.0.0.1', port: 443 }],
  [':443', { host: '0.0.0.0', port: 443 }],
  ['[::1]:443', { host: '::1', port: 443 }],
  ['localhost:0', { host: 'localhost', port: 0 }],
  ['::1:443', undefined],
  ['', undefined],
])('"%s"', (text, expected) => {
  expect(parseListen(text)).toEqual(expected);
});
