// Sandboxes for people, by `node scripts/sandbox/main.ts` and a verb; --help lists them. A name is this
// checkout's, an id the machine's. Results on stdout, progress on stderr.
import { parseArgs } from 'node:util';
import { runProgram } from '../machine/program.ts';
import { createProgress } from '../machine/progress.ts';
import { isCalled, listIds, listStates, loadState, ownCheckout, ownerIsAlive } from './registry.ts';
import { removeHost } from './removal.ts';
import { openSandbox, startSandbox } from './sandbox.ts';
import { reapDead, takeDown } from './teardown.ts';
import { forgetTemplates, sandboxTemplate } from './template.ts';

const usage = `usage: node scripts/sandbox/main.ts prepare                                    all that a sandbox is made of, kept for the next
       node scripts/sandbox/main.ts up [--hosts N] [--name NAME]
       node scripts/sandbox/main.ts down [ID|NAME ...] [--all] [--owner PID]     without arguments: those whose owner is gone
       node scripts/sandbox/main.ts list
       node scripts/sandbox/main.ts remove HOST ... [--name NAME]
       node scripts/sandbox/main.ts run HOST [--name NAME] -- COMMAND [ARGUMENT ...]`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    all: { type: 'boolean', default: false },
    owner: { type: 'string' },
    hosts: { type: 'string', default: '1' },
    name: { type: 'string', default: 'sandbox' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const [verb = '', ...rest] = positionals;
const progress = createProgress();

await runProgram({ name: 'sandbox' }, runVerb);

async function runVerb(): Promise<number> {
  if (values.help) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  switch (verb) {
    case 'prepare':
      return prepare();
    case 'up':
      return up();
    case 'down':
      return down();
    case 'list':
      return list();
    case 'remove':
      return remove();
    case 'run':
      return runInHost();
    default:
      process.stderr.write(`${usage}\n`);
      return 2;
  }
}

/** A joined one is copied from a cluster. */
async function prepare(): Promise<number> {
  await sandboxTemplate('joined', progress);
  return 0;
}

async function up(): Promise<number> {
  const sandbox = await startSandbox({ name: values.name, progress });
  for (let index = 1; index <= Number(values.hosts); index++) await sandbox.addHost({ name: `idc-${index}` });
  await sandbox.keep();
  process.stdout.write(`${sandbox.id}\n`);
  return 0;
}

async function down(): Promise<number> {
  const { all, owner } = values;
  if (!all && owner === undefined && rest.length === 0) {
    await reapDead((id, name) => progress.line(`taking down sandbox ${id} (${name})`));
    await forgetTemplates();
    return 0;
  }
  const checkout = await ownCheckout();
  for (const id of await listIds()) {
    const state = await loadState(id);
    const isNamed =
      rest.includes(id) || (state !== undefined && rest.some((name) => isCalled(state, name, checkout)));
    const isOwned = owner !== undefined && state?.owner?.pid === Number(owner);
    if (!all && !isNamed && !isOwned) continue;
    await progress.step(`taking down sandbox ${id} (${state?.name ?? 'nameless'})`, () => takeDown(id));
  }
  return 0;
}

async function list(): Promise<number> {
  for (const state of await listStates()) {
    const life = state.owner === undefined ? 'kept' : (await ownerIsAlive(state)) ? 'owned' : 'dead';
    const hosts = state.hosts.map((host) => `${host.name}=${host.address}`).join(' ');
    process.stdout.write(
      `${state.id} ${state.name} ${life} ${state.createdAt} ${state.checkout ?? '-'} ${hosts}\n`,
    );
  }
  return 0;
}

async function remove(): Promise<number> {
  const sandbox = await openSandbox(values.name, progress);
  if (sandbox === undefined) throw new Error(`there is no sandbox ${values.name}`);
  for (const name of rest) await progress.step(`removing ${name}`, () => removeHost(sandbox, name));
  return 0;
}

async function runInHost(): Promise<number> {
  const [hostName, command, ...args] = rest;
  if (hostName === undefined || command === undefined) throw new Error(usage);
  const sandbox = await openSandbox(values.name, progress);
  if (sandbox === undefined) throw new Error(`there is no sandbox ${values.name}`);
  const result = await sandbox.host(hostName).run(command, args, { timeoutMs: 24 * 60 * 60 * 1000 });
  process.stdout.write(result.stdout);
  process.stderr.write(result.stderr);
  return result.exitCode ?? 1;
}
