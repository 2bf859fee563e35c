// YAML for people to read, as the kubelet takes it (YAML 1.1, duplicate keys and unknown fields refused):
// block mappings and lists, every string in quotes of JSON unless it is a plain word. Written here, because
// it is a page and npm's `yaml` would cost the agent 2 MB of resident memory for as long as it runs; the
// tests read it with that. Pure.
import { encodable } from './encodable.ts';

export function yaml(value: object): string {
  return block(value, '');
}

function block(value: object, indent: string): string {
  if (Array.isArray(value)) return value.map((item: unknown) => listItem(item, indent)).join('');
  return Object.entries(value)
    .map(([key, item]: [string, unknown]) => `${indent}${scalar(key)}:${after(item, indent)}`)
    .join('');
}

function listItem(item: unknown, indent: string): string {
  if (!isFilled(item)) return `${indent}- ${inline(item)}\n`;
  // The first line of a nested block stands on the line of its dash.
  return `${indent}- ${block(item, `${indent}  `).slice(indent.length + 2)}`;
}

function after(item: unknown, indent: string): string {
  if (!isFilled(item)) return ` ${inline(item)}\n`;
  return `\n${block(item, Array.isArray(item) ? indent : `${indent}  `)}`;
}

function isFilled(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

function inline(value: unknown): string {
  if (Array.isArray(value)) return '[]';
  if (typeof value === 'object' && value !== null) return '{}';
  return typeof value === 'string' ? scalar(value) : String(value);
}

/** A string of JSON is one of YAML when nothing stands in it that only YAML takes for the end of a line. */
function scalar(text: string): string {
  const isPlain =
    /^[A-Za-z/][A-Za-z0-9_./-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return isPlain ? text : JSON.stringify(encodable(text, 'value in YAML'));
}
