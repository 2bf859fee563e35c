// What people and programs see.
import { readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { displayWidth, wrap } from '../../../../agent/preflight/layout.ts';
import { explainReport, renderReport } from '../../../../agent/preflight/report.ts';
import {
  explainedReportSchema,
  type PreflightReport,
  reportJsonSchema,
  reportSchema,
} from '../../../../agent/preflight/report-schema.ts';
import { runPreflight } from '../../../../agent/preflight/runner.ts';
import { type HostPatch, withDistribution } from '../../../fixtures/distribution.ts';
import { goodContext } from './faults.ts';

const swapOn: HostPatch = {
  files: { '/proc/swaps': 'Filename\tType\tSize\tUsed\tPriority\n/dev/vda2 partition 2097148 0 -2\n' },
};

describe('for people', () => {
  test('in English: groups, verdict, what to do first', async () => {
    const report = await run(swapOn, ['resources', 'cilium']);
    expect(renderReport(report, 'en', { color: false })).toMatchInlineSnapshot(`
      "regnode preflight · idc-1 · TencentOS Server 3.1 (Final) · 5.4.119-19-0009.11 x86_64

      Resources
        [ok]   CPUs                 4  (≥ 2)
        [ok]   Memory               15855 MiB  (≥ 900 MiB)
        [ok]   Disk space           /var/lib/containerd: 40960 MiB  (≥ 8192 MiB)
        [ok]   Inodes               /var/lib/containerd: 5000000  (≥ 20000)
        [skip] XFS for overlayfs    does not apply to this host: ext4
        [ok]   Process ids          126651 / 126865  (≥ 1000)
        [ok]   Process limits       nofile 100001, nproc 63432  (nofile ≥ 1024, nproc ≥ 4096)
        [ok]   Kernel keys          1000000  (≥ 10000)
        [fail] Swap                 /dev/vda2  (none)
               Swap is on: /dev/vda2.
               Turn it off now and for the next boot.
                 $ swapoff -a
                 $ sed -ri.bak '/\\sswap\\s/s/^#?/#/' /etc/fstab
                 $ systemctl mask swap.target
               SWAP

      Cilium
        [ok]   Kernel for Cilium    5.4.119-19-0009.11: Cilium ≥ 1.15, < 1.18  (≥ 4.19.57 | el ≥ 8.6)
        [ok]   Features for Cilium  12  (12 × CONFIG_*=y|m)
        [ok]   BPF file system      /sys/fs/bpf: bpf
        [ok]   Cilium's ports       none  (udp 8472, tcp 4240 4244 9878 9879 9890 9901 9962 9963 9964)
        [ok]   Other networks       none
        [ok]   Reverse path filter  net.ipv4.conf.all.rp_filter=0  (0 | 2)

      This host cannot join yet. 13 ok, 0 warnings, 1 failed, 1 skipped, 0 ignored; 0.0 s. Nothing was changed.
      Do first: SWAP: Turn it off now and for the next boot.
      Why it matters: regnode explain SWAP"
    `);
  });

  test('in Chinese, with the columns where they belong', async () => {
    const report = await run(swapOn, ['swap', 'memory', 'kernel-version']);
    expect(renderReport(report, 'zh', { color: false })).toMatchInlineSnapshot(`
      "regnode preflight · idc-1 · TencentOS Server 3.1 (Final) · 5.4.119-19-0009.11 x86_64

      资源
        [ok]   内存      15855 MiB  (≥ 900 MiB)
        [fail] 交换分区  /dev/vda2  (none)
               已启用 swap：/dev/vda2。
               请立即关闭，并取消开机启用。
                 $ swapoff -a
                 $ sed -ri.bak '/\\sswap\\s/s/^#?/#/' /etc/fstab
                 $ systemctl mask swap.target
               SWAP

      内核
        [ok]   内核版本  5.4.119-19-0009.11  (≥ 4.18)

      此主机暂不能加入集群。 通过 2 项，警告 0 项，失败 1 项，跳过 0 项，忽略 0 项；用时 0.0 秒。主机未作任何改动。
      请先处理： SWAP: 请立即关闭，并取消开机启用。
      为什么重要：regnode explain SWAP"
    `);
  });

  test('only what is wrong, when asked', async () => {
    const report = await run(swapOn);
    const text = renderReport(report, 'en', { color: false, findingsOnly: true });
    expect(text).toContain('[fail] Swap  /dev/vda2  (none)');
    expect(text).not.toMatch(/\[(ok|skip)\]/);
  });

  test('a part of the checks gives no promise about the rest', async () => {
    const report = await run({}, ['swap']);
    expect(report).toMatchObject({ verdict: 'can-join', leftOut: expect.arrayContaining(['MEMORY']) });
    const text = renderReport(report, 'en', { color: false });
    expect(text).toContain(
      `Nothing that was checked stands in the way; ${report.leftOut.length} checks were left out.`,
    );
    expect(text).not.toContain('can join');
  });

  test('colour adds nothing but escapes', async () => {
    const report = await run(swapOn, ['resources']);
    const painted = renderReport(report, 'en', { color: true });
    expect(painted).toContain('\u001b[31m[fail]\u001b[0m');
    expect(stripVTControlCharacters(painted)).toBe(renderReport(report, 'en', { color: false }));
  });

  test('a password in a proxy is never shown', async () => {
    const patch = {
      files: { '/etc/environment': 'http_proxy=http://u:s3cret@a:1\nHTTP_PROXY=http://u:s3cret@b:1\n' },
    };
    const report = await run(patch, ['proxy-agreement', 'proxy-bypass']);
    expect(JSON.stringify(explainReport(report, 'en'))).not.toContain('s3cret');
    expect(report.checks[0]?.evidence.measured).toContain('http_proxy=http://a:1');
  });
});

describe('for programs', () => {
  test('the JSON schema in the repository is the one of this code', () => {
    const path = new URL('../../../../agent/preflight/report.schema.json', import.meta.url);
    // To renew it: npm run schemas
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(JSON.parse(JSON.stringify(reportJsonSchema())));
  });

  test('reports, bare and explained, keep to it', async () => {
    const report = await run(swapOn);
    expect(reportSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
    for (const language of ['en', 'zh'] as const) {
      const explained = explainReport(report, language);
      expect(explainedReportSchema.parse(JSON.parse(JSON.stringify(explained)))).toEqual(explained);
    }
    expect(explainReport(report, 'zh').checks.find((check) => check.code === 'SWAP')).toMatchObject({
      verdict: 'fail',
      title: '交换分区',
      evidence: { measured: '/dev/vda2', threshold: 'none' },
      values: { devices: '/dev/vda2' },
      commands: expect.arrayContaining(['swapoff -a']),
    });
  });
});

describe('layout', () => {
  test('a Chinese character takes two cells', () => {
    expect([displayWidth('abc'), displayWidth('交换'), displayWidth('\u001b[31m[fail]\u001b[0m')]).toEqual([
      3, 4, 6,
    ]);
  });

  test('lines break between words and Chinese characters, never before a stop', () => {
    expect(wrap('a bb ccc dddd eeeee', 10)).toEqual(['a bb ccc', 'dddd eeeee']);
    expect(wrap('主机没有运行时间同步服务。', 12)).toEqual(['主机没有运行', '时间同步服', '务。']);
    expect(wrap('', 10)).toEqual([]);
    expect(wrap('/a/path/that/is/longer/than/a/line', 10)).toEqual(['/a/path/that/is/longer/than/a/line']);
  });
});

async function run(patch: HostPatch, only?: readonly string[]): Promise<PreflightReport> {
  return withDistribution('tencentos-3.1', patch, (host) =>
    runPreflight(host, goodContext, only ? { only } : {}),
  );
}
