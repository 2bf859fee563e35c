// What one node may ask for over HTTPS: some questions, few changes. Each question reads the API server and
// each change writes the Node, so a node that drains and uncordons itself without end would be the whole
// cluster's trouble. Who is over it is told when to ask again, counted with the requests (status 429), and
// audited once a minute. Renewals have a budget of their own.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { RepeatFilter } from '../../protocol/rate/repeat-filter.ts';
import { TokenBuckets } from '../../protocol/rate/token-bucket.ts';
import type { Audit } from '../audit/audit.ts';
import { limits } from '../port/limits.ts';
import type { Route } from '../port/route.ts';

export interface NodeBudgetOptions {
  readonly audit: Audit;
  readonly now: () => number;
}

export function withinBudget(routes: readonly Route[], { audit, now }: NodeBudgetOptions): readonly Route[] {
  const questions = new TokenBuckets(limits.questions, limits.rememberedNodes);
  const changes = new TokenBuckets(limits.changes, limits.rememberedNodes);
  const repeats = new RepeatFilter({
    intervalMs: limits.repeatedAuditMs,
    remembered: limits.rememberedNodes,
  });
  return routes.map((route) => {
    if (route.access !== 'node') return route;
    const budget = route.methods.includes('POST') ? changes : questions;
    return {
      ...route,
      run: (exchange, node, certificate) => {
        const { name } = node;
        if (budget.take(name, 1, now())) return route.run(exchange, node, certificate);
        const fault = new Fault('TOO_MANY_REQUESTS', {
          address: name,
          seconds: budget.waitSeconds(name, 1, now()),
        });
        const { address, path } = exchange;
        const news = repeats.news(`${name} ${path}`, now());
        const about = { event: 'request', outcome: 'refused', node: name, address, path };
        if (news) audit.record({ ...about, code: fault.code, ...news });
        throw fault;
      },
    };
  });
}
