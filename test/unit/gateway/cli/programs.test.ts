// regnode-gateway and regnodectl as processes: exit codes, streams, languages, completion.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test, vi } from 'vitest';

// Each starts a node process; on a busy machine that takes a while.
vi.setConfig({ testTimeout: 60_000 });

describe('as a program', () => {
  const run = (program: string, args: string[], environment: Record<string, string> = {}) =>
    execa('node', [`gateway/${program}.ts`, ...args], { reject: false, env: environment });

  test.each([
    ['no such command', ['nonsense']],
    ['a missing flag', ['token', 'create']],
    ['a wrong value', ['token', 'create', '--pool', 'a', '--ttl', 'soon']],
    ['a kubeconfig that is not there', ['pool', 'list', '--kubeconfig', '/nonexistent']],
  ])('%s exits with 2 and says so on stderr', async (_name, args) => {
    const result = await run('regnodectl', args);
    expect(result.exitCode).toBe(2);
    expect(result.stderr).not.toBe('');
    expect(result.stdout).toBe('');
  });

  test('a failure in Chinese, and as JSON', async () => {
    const args = ['pool', 'list', '--json', '--kubeconfig', '/nonexistent'];
    const result = await run('regnodectl', args, { LANG: 'zh_CN.UTF-8' });
    expect(result.stderr).toContain('无法使用');
    expect(JSON.parse(result.stdout)).toMatchObject({ schema: 1, error: { code: 'KUBECONFIG_INVALID' } });
  });

  test('an API server that is not there exits with 5', async () => {
    const kubeconfig = JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
      users: [{ name: 'u', user: { token: 'secret' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    });
    const folder = await mkdtemp(join(tmpdir(), 'regnode-cli-'));
    const file = join(folder, 'config');
    await writeFile(file, kubeconfig);
    const result = await run('regnodectl', ['pool', 'list', '--kubeconfig', file]);
    await rm(folder, { recursive: true });
    expect(result.exitCode).toBe(5);
    expect(result.stderr).toContain('ECONNREFUSED');
    expect(result.stderr).not.toContain('secret');
  });

  test.each(['regnodectl', 'main'])('%s: the completion knows every command', async (program) => {
    const { stdout } = await run(program, ['completion', 'bash']);
    const name = program === 'main' ? 'regnode-gateway' : program;
    const fn = `_${name.replaceAll('-', '_')}`;
    const words = program === 'main' ? [name, 'bundle', ''] : [name, 'node', 'dr'];
    const script = `${stdout}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=2; ${fn}; echo "\${COMPREPLY[@]}"`;
    const completed = await execa('bash', ['-c', script]);
    expect(completed.stdout.split(' ')).toContain(program === 'main' ? 'build' : 'drain');
  });
});
