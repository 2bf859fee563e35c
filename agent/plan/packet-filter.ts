// The chains that kubelet, kube-proxy and CNI plugins make in the packet filter, found in what iptables-save
// prints, and the iptables-restore script that takes away exactly those that were not there before. Pure.

const ours = /^(KUBE-|CNI-|CILIUM_|OLD_CILIUM_)/;

/** Every chain of a name that a cluster's programs give, `table chain`. */
export function clusterChains(save: string): string[] {
  return parse(save)
    .filter((line) => line.kind === 'chain' && ours.test(line.name))
    .map((line) => `${line.table} ${line.name}`);
}

/** A script for `iptables-restore --noflush`, empty when there is nothing to take away. */
export function removalScript(save: string, before: readonly string[]): string {
  const gone = new Set(clusterChains(save).filter((chain) => !before.includes(chain)));
  if (gone.size === 0) return '';
  const lines = parse(save);
  const tables = [...new Set([...gone].map((chain) => chain.split(' ')[0] ?? ''))];
  return tables.map((table) => tableScript(table)).join('');

  function tableScript(table: string): string {
    const isGone = (name: string) => gone.has(`${table} ${name}`);
    const here = lines.filter((line) => line.table === table);
    const rules = here
      .filter((line) => line.kind === 'rule' && !isGone(line.name) && isGone(line.target))
      .map((line) => `-D ${line.text.slice('-A '.length)}`);
    const chains = here.filter((line) => line.kind === 'chain' && isGone(line.name)).map((line) => line.name);
    return [
      `*${table}`,
      ...chains.map((name) => `:${name} - [0:0]`), // declares and flushes it
      ...rules,
      ...chains.map((name) => `-X ${name}`),
      'COMMIT',
      '',
    ].join('\n');
  }
}

interface Line {
  readonly table: string;
  readonly kind: 'chain' | 'rule';
  readonly name: string;
  readonly target: string;
  readonly text: string;
}

function parse(save: string): Line[] {
  const lines: Line[] = [];
  let table = '';
  for (const text of save.split('\n')) {
    if (text.startsWith('*')) table = text.slice(1).trim();
    const chain = /^:(\S+)/.exec(text)?.[1];
    const rule = /^-A (\S+)/.exec(text)?.[1];
    const target = /\s-[jg] (\S+)/.exec(withoutComments(text))?.[1] ?? '';
    if (chain !== undefined) lines.push({ table, kind: 'chain', name: chain, target: '', text });
    if (rule !== undefined) lines.push({ table, kind: 'rule', name: rule, target, text });
  }
  return lines;
}

/** A comment may say anything, also `-j KUBE-…`. */
function withoutComments(rule: string): string {
  return rule.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
}
