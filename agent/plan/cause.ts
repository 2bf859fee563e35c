// Why the system refused a change, for a person: the errno's own sentence, and for EPERM the
// attribute of the path or of its folder that forbids the change to root as well. Asks the host only
// when something was refused.
import { dirname } from 'node:path';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { hasCode } from '../host/durable.ts';
import type { Host } from '../host/host.ts';
import type { Plan } from './plan.ts';

const attributes = { i: 'immutable', a: 'append-only' } as const;

interface Attribute {
  readonly path: string;
  readonly name: 'immutable' | 'append-only';
  /** What takes it off. */
  readonly command: string;
}

/** One line: what failed, and what to do when that is known. */
export async function causeOf(host: Host, error: unknown): Promise<string> {
  if (!(error instanceof Error)) return String(error);
  if (!hasCode(error, 'EPERM', 'EACCES')) return error.message;
  return withAttributes(host, error.message, pathsOf(error));
}

/** The sentence, and behind it which attribute of the paths or of their folders forbids the change. */
export async function withAttributes(host: Host, text: string, paths: readonly string[]): Promise<string> {
  if (paths.length === 0) return text;
  const places = new Set(paths.flatMap((path) => [path, dirname(path)]));
  const found = await forbiddingAttributes(host, [...places]);
  const told = found.map(({ path, name, command }) => `${path} is ${name} (lsattr); take it off: ${command}`);
  return [text, ...told].join('; ');
}

/** Which of the paths the file system itself protects, by lsattr; none where that can't tell. */
async function forbiddingAttributes(host: Host, paths: readonly string[]): Promise<Attribute[]> {
  const { stdout } = await host.processes
    .run('lsattr', ['-d', '--', ...paths], { timeoutMs: 10_000 })
    .catch(() => ({ stdout: '' }));
  return stdout.split('\n').flatMap((line) => {
    const [, flags = '', path = ''] = /^([-a-zA-Z]+) +(\/.*)$/.exec(line) ?? [];
    return (['i', 'a'] as const)
      .filter((flag) => flags.includes(flag))
      .map((flag) => ({ path, name: attributes[flag], command: `chattr -${flag} ${path}` }));
  });
}

/**
 * Before the first change to a host: throws PATH_PROTECTED when a path of the plan, or its
 * folder, may not be changed.
 */
export async function assertChangeable(host: Host, plan: Plan): Promise<void> {
  const paths = plan.steps.flatMap((step) =>
    step.action === 'make' && 'path' in step.resource ? [step.resource.path] : [],
  );
  if (paths.length === 0) return;
  const [found] = await forbiddingAttributes(host, [
    ...new Set(paths.flatMap((path) => [path, dirname(path)])),
  ]);
  if (found === undefined) return;
  const { path, name, command } = found;
  throw new Fault('PATH_PROTECTED', { path, attribute: name, command });
}

/** Of a rename both: the new file stands aside, and what forbids lies on the one that it replaces. */
function pathsOf(error: Error): string[] {
  const named = [...('path' in error ? [error.path] : []), ...('dest' in error ? [error.dest] : [])];
  return named.filter((path) => typeof path === 'string');
}
