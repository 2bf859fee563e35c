// Sources as syntax trees, for the tests that judge the code without running it. The parser is
// oxc's, since the TypeScript compiler has no programming interface of its own any more. A file that
// it can't read fails the test.
import { readFileSync } from 'node:fs';
import { type Node, parseSync } from 'oxc-parser';

/** Calls `visit` with every node of the file, a parent before its children. Throws on a syntax error. */
export function visitSyntax(
  file: string,
  visit: (node: Node) => void,
  text = readFileSync(file, 'utf8'),
): void {
  const { program, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (isNode(value)) visit(value);
    for (const child of Object.values(value)) walk(child);
  };
  walk(program);
}

/** The text of a string literal, or of a template without places to fill. */
export function stringOf(node: Node | null | undefined): string | undefined {
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node?.type === 'TemplateLiteral' && node.expressions.length === 0)
    return node.quasis[0]?.value.cooked ?? undefined;
  return undefined;
}

function isNode(value: object): value is Node {
  return 'type' in value && typeof value.type === 'string';
}
