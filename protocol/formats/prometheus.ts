// Prometheus' text format: names with labels, and numbers. Names of metrics and labels are held by the schema
// that they came through; the value of a label may be any text. Pure.

export function sampleName(name: string, labels: object): string {
  const pairs = Object.entries(labels).map(
    ([label, value]: [string, string]) => `${label}="${labelValue(value)}"`,
  );
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`;
}

export function sampleNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

function labelValue(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
