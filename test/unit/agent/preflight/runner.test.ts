// The runner's promises: side by side, causes mute consequences, and no check can break the run.
import { describe, expect, test } from 'vitest';
import type { Host } from '../../../../agent/host/host.ts';
import { type Check, define, fail, type Outcome, ok, warn } from '../../../../agent/preflight/check.ts';
import type { CheckCode } from '../../../../agent/preflight/messages/index.ts';
import { type PreflightOptions, runPreflight } from '../../../../agent/preflight/runner.ts';
import { assertCanJoin, exitCodeOf } from '../../../../agent/preflight/summary.ts';
import { withDistribution } from '../../../fixtures/distribution.ts';

describe('selection', () => {
  const three = [check('SWAP', async () => fail('on', '', '')), check('MEMORY'), check('CPU_COUNT')];

  test('by id, by code, by group', async () => {
    expect(await codes(three, { only: ['swap', 'CPU_COUNT'] })).toEqual(['SWAP', 'CPU_COUNT']);
    expect(await codes(three, { skip: ['swap'] })).toEqual(['MEMORY', 'CPU_COUNT']);
    expect(await codes(three, { only: ['resources'] })).toEqual(['SWAP', 'MEMORY', 'CPU_COUNT']);
  });

  test('refuses a name that it does not know, and names the nearest', async () => {
    await expect(run(three, { skip: ['swapp'] })).rejects.toMatchObject({
      code: 'CHECK_UNKNOWN',
      values: { name: 'swapp', nearest: 'swap', groups: expect.stringContaining('resources, kernel') },
    });
  });

  test('an ignored failure is shown and does not count', async () => {
    const report = await run(three, { ignore: ['swap'] });
    expect(report.verdict).toBe('can-join');
    expect(report.counts).toMatchObject({ fail: 0, ignored: 1 });
    expect(report.checks[0]).toMatchObject({ code: 'SWAP', verdict: 'fail', ignored: true });
  });
});

describe('verdict', () => {
  test('a failure forbids the join, with its code', async () => {
    const report = await run([
      check('SWAP', async () => fail('on', '/dev/vda2', 'none', { devices: '/dev/vda2' })),
    ]);
    expect(report).toMatchObject({ verdict: 'cannot-join', firstToRepair: ['SWAP'] });
    expect(exitCodeOf(report)).toBe(3);
    expect(() => assertCanJoin(report)).toThrow(/1 check\(s\) failed \(SWAP\)/);
  });

  test('warnings do not, unless asked for', async () => {
    const warned = [check('MEMORY', async () => warn('tight', '', ''))];
    const lenient = await run(warned);
    expect([lenient.verdict, exitCodeOf(lenient)]).toEqual(['can-join', 0]);
    expect(() => assertCanJoin(lenient)).not.toThrow();
    const strict = await run(warned, { failOnWarnings: true });
    expect(strict).toMatchObject({ verdict: 'cannot-join', firstToRepair: ['MEMORY'] });
  });

  test('an advisory check cannot forbid it, whatever it says', async () => {
    const report = await run([check('CPU_COUNT', async () => fail('few', '', ''), { severity: 'advisory' })]);
    expect(report.checks[0]?.verdict).toBe('warn');
    expect(report.verdict).toBe('can-join');
  });
});

describe('causes and consequences', () => {
  test('a failed cause mutes what hangs on it, down to the last, and is named by all', async () => {
    const report = await run([
      check('LINE_MTU', undefined, { dependsOn: ['GATEWAY_ROUTE'] }),
      check('GATEWAY_ROUTE', undefined, { dependsOn: ['GATEWAY_NAME'] }),
      check('GATEWAY_NAME', async () => fail('url', '', '')),
    ]);
    expect(report.checks.map(({ verdict, cause }) => [verdict, cause])).toEqual([
      ['skip', 'GATEWAY_NAME'],
      ['skip', 'GATEWAY_NAME'],
      ['fail', undefined],
    ]);
    expect(report.counts.fail).toBe(1);
  });

  test('a warning, a skip, or a cause that was left out mutes nothing', async () => {
    const consequence = check('LINE_MTU', undefined, { dependsOn: ['GATEWAY_ROUTE'] });
    const warned = check('GATEWAY_ROUTE', async () => warn('none', '', ''));
    expect((await run([consequence, warned])).checks[0]?.verdict).toBe('ok');
    expect((await run([consequence])).checks[0]?.verdict).toBe('ok');
  });
});

describe('checks that misbehave', () => {
  test('one that throws has failed, with the error as evidence; the rest goes on', async () => {
    const report = await run([
      check('SWAP', async () => {
        throw new Error('EIO: i/o error');
      }),
      check('MEMORY'),
    ]);
    expect(report.checks).toMatchObject([
      { verdict: 'fail', problem: 'broken', evidence: { measured: 'EIO: i/o error' } },
      { verdict: 'ok' },
    ]);
  });

  test('one that gave no result while all others ran is run once more', async () => {
    let attempts = 0;
    const slow = () => (attempts++ === 0 ? new Promise<never>(() => {}) : Promise.resolve(ok('fine')));
    const report = await run([check('SWAP', slow, { timeoutMs: 20 })]);
    expect(report.checks[0]).toMatchObject({ verdict: 'ok' });
    expect(attempts).toBe(2);
  });

  test('one that never answers is given up after its own time', async () => {
    const never = check('SWAP', () => new Promise<never>(() => {}), { timeoutMs: 20 });
    const report = await run([never, check('MEMORY')]);
    expect(report.checks[0]).toMatchObject({
      verdict: 'fail',
      evidence: { measured: 'no result within 20 ms, twice' },
    });
    expect(report.checks[1]?.verdict).toBe('ok');
  });

  test('an ended run ends at once', async () => {
    const controller = new AbortController();
    const never = check('SWAP', () => new Promise<never>(() => {}), { timeoutMs: 60_000 });
    const running = run([never], { signal: controller.signal });
    controller.abort();
    expect((await running).checks[0]).toMatchObject({ evidence: { measured: 'the run was ended' } });
  });

  test('one that wants to change the host is refused', async () => {
    const changing = check('SWAP', async (host) => {
      await host.files.write('/etc/fstab', '', { mode: 0o644 });
      return ok('');
    });
    const running = check('MEMORY', async (host) => {
      await host.processes.run('swapoff', ['-a']);
      return ok('');
    });
    const listing = check('CPU_COUNT', async (host) => {
      await host.processes.run('ip', ['xfrm', 'policy', 'flush']);
      return ok('');
    });
    const report = await run([changing, running, listing]);
    expect(report.checks.map((one) => one.evidence.measured)).toEqual([
      'preflight changes nothing, so it may not write',
      'preflight changes nothing, so it may not run swapoff -a',
      'preflight changes nothing, so it may not run ip xfrm policy flush',
    ]);
  });
});

test('checks run side by side, and ask the host only once', async () => {
  const order: string[] = [];
  const slow = (code: CheckCode) =>
    check(code, async (host) => {
      order.push(`${code} begins`);
      await host.files.readText('/etc/os-release');
      order.push(`${code} ends`);
      return ok('');
    });
  let reads = 0;
  await withDistribution('tencentos-3.1', {}, async (host) => {
    const counting: Host = {
      ...host,
      files: {
        ...host.files,
        readText: (path, limit) => {
          reads += path === '/etc/os-release' ? 1 : 0;
          return host.files.readText(path, limit);
        },
      },
    };
    await runPreflight(counting, {}, { checks: [slow('SWAP'), slow('MEMORY')] });
  });
  expect(order).toEqual(['SWAP begins', 'MEMORY begins', 'SWAP ends', 'MEMORY ends']);
  expect(reads).toBe(1);
});

test("regnode's own files are no leftovers", async () => {
  const report = await withDistribution(
    'tencentos-3.1',
    {
      files: {
        '/etc/regnode/agent.json': '{}',
        '/etc/kubernetes/kubelet.conf': 'apiVersion: v1\n',
        '/etc/containerd/config.toml': 'version = 2\n',
      },
      commands: {
        'systemctl show':
          'Id=kubelet.service\nActiveState=active\nFragmentPath=\n\nId=containerd.service\nActiveState=active\nFragmentPath=\n',
      },
    },
    (host) => runPreflight(host, {}, { only: ['cluster-leftovers', 'ports-free', 'runtime'] }),
  );
  const joined = report.checks.filter((one) => one.reason === 'joined').map((one) => one.code);
  expect(joined).toEqual([
    'CLUSTER_LEFTOVERS',
    'PORTS_FREE',
    'FOREIGN_CONTAINERD',
    'CONTAINERD_CONFIGURATION',
    'RUNTIME_LEAVINGS',
    'CNI_PLUGINS',
  ]);
  expect(report.verdict).toBe('can-join');
});

function check(
  code: CheckCode,
  runCheck: (host: Host) => Promise<Outcome> = async () => ok(''),
  change: Partial<Check> = {},
): Check {
  const id = code.toLowerCase().replaceAll('_', '-');
  const made = {
    code,
    id,
    group: 'resources',
    severity: 'blocking',
    dependsOn: [],
    run: runCheck,
    ...change,
  };
  return define(made as Check as Parameters<typeof define>[0]);
}

async function run(checks: readonly Check[], options: PreflightOptions = {}) {
  return withDistribution('tencentos-3.1', {}, (host) => runPreflight(host, {}, { ...options, checks }));
}

async function codes(checks: readonly Check[], options: PreflightOptions) {
  return (await run(checks, options)).checks.map((result) => result.code);
}
