// What one node may ask for over HTTPS: some questions, few changes. Each question reads the API server and
// each change writes the Node, so a node that drains and uncordons itself without end would be the whole
// cluster's trouble. Who is over it is told when to ask again, counted with the requests (status 429), and
// audited once a minute. Renewals have a budget of their own. A change is done to its end, also when whoever
// asked has gone, so few of one node are under way at a time.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { RepeatFilter } from '../../protocol/rate/repeat-filter.ts';
import { TokenBuckets } from '../../protocol/rate/token-bucket.ts';
import type { Audit } from '../audit/audit.ts';
import { limits } from '../port/limits.ts';
import type { Route } from '../port/route.ts';

/** An eviction is tried for each pod of the node. */
const dearQuestions: ReadonlySet<string> = new Set(['/v1/node/drain-plan']);

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
  const underWay = new Map<string, number>();
  const count = (node: string, change: 1 | -1) => {
    const left = (underWay.get(node) ?? 0) + change;
    if (left > 0) underWay.set(node, left);
    else underWay.delete(node);
  };
  return routes.map((route) => {
    if (route.access !== 'node') return route;
    const isChange = route.methods.includes('POST') || dearQuestions.has(route.path);
    const budget = isChange ? changes : questions;
    return {
      ...route,
      run: async (exchange, node, certificate) => {
        const { name } = node;
        const isCrowded = isChange && (underWay.get(name) ?? 0) >= limits.changesAtOnce;
        if (!isCrowded && budget.take(name, 1, now())) {
          if (isChange) count(name, 1);
          try {
            return await route.run(exchange, node, certificate);
          } finally {
            if (isChange) count(name, -1);
          }
        }
        const seconds = Math.max(Number(isCrowded), budget.waitSeconds(name, 1, now()));
        const fault = new Fault('TOO_MANY_REQUESTS', { address: name, seconds });
        const { address, path } = exchange;
        const news = repeats.news(`${name} ${path}`, now());
        const about = { event: 'request', outcome: 'refused', node: name, address, path };
        if (news) audit.record({ ...about, code: fault.code, ...news });
        throw fault;
      },
    };
  });
}
