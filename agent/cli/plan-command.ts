// regnode plan: what the agent would change on this joined host now, as a diff. Changes nothing; an empty
// plan means that the host is as its pool wants it.
import { Command } from 'commander';
import { chooseSettings } from '../components/settings.ts';
import { chooseVersions } from '../components/versions.ts';
import { planNode } from '../node/reconcile.ts';
import { foreignDropIns, standingDropIns } from '../plan/drop-ins.ts';
import { whyNotJoined } from '../plan/recovery.ts';
import { planToJson, renderPlan } from '../plan/render.ts';
import { readState } from '../state/state.ts';
import { type CliContext, requireRoot, terminalFor } from './context.ts';

export function planCommand(context: CliContext): Command {
  return new Command('plan')
    .description('show what would be changed to make this host as its pool wants it; changes nothing')
    .option('--json', 'as JSON')
    .action(async (_flags: object, command: Command) => {
      const terminal = terminalFor(context, command);
      requireRoot(context.host);
      const state = await readState(context.host);
      if (state === undefined) throw await whyNotJoined(context.host);
      const settled = chooseSettings(state.desired, state.settings).effective;
      const { effective, kept } = chooseVersions(settled, state.versions);
      const { plan, drift } = await planNode(context.host, { ...state, desired: effective }, kept);
      const onlyTold = standingDropIns(await foreignDropIns(context.host));
      const marks = { drift, policy: state.desired.driftPolicy, onlyTold };
      terminal.result(renderPlan(plan, terminal.colorsResult, marks));
      terminal.resultJson({ revision: state.desired.revision, plan: planToJson(plan, marks) });
      if (plan.steps.length === 0) {
        terminal.progress('ok', terminal.say({ en: 'nothing to do', zh: '无需改动' }));
      }
    });
}
