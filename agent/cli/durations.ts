// Durations of flags: `30s`, `5m`, `1h` → milliseconds. At least a second, for commander's option parser.
import { InvalidArgumentError } from 'commander';

export function parseDuration(text: string): number {
  const match = /^(\d{1,5})(s|m|h)$/.exec(text);
  const milliseconds =
    Number(match?.[1]) * { s: 1000, m: 60_000, h: 3600_000 }[(match?.[2] ?? 's') as 's' | 'm' | 'h'];
  if (!(milliseconds >= 1000)) throw new InvalidArgumentError('a duration such as 30s or 5m');
  return milliseconds;
}
