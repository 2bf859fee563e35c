// What every benchmark prints: `{"name", "ratios", "figures"}`, as one line with --json.

export type Figures = Record<string, number>;

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Four significant digits: what a run can tell. */
export function rounded(figures: Figures): Figures {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [name, Number(value.toPrecision(4))]),
  );
}

export function printResult(name: string, ratios: Figures, figures: Figures, isJson: boolean): void {
  const result = { name, ratios: rounded(ratios), figures: rounded(figures) };
  process.stdout.write(`${isJson ? JSON.stringify(result) : JSON.stringify(result, null, 2)}\n`);
}
