// The options of a pool that say what a kubelet keeps for itself: reservations, evictions, thresholds. Pure.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { evictionSignals, type Reserved } from '../../protocol/settings/host.ts';

/** Each part with its unit in the spec, and how many of it one of the option's units is. */
const reservedParts = {
  cpu: 'cpuMillicores',
  memory: 'memoryMiB',
  'ephemeral-storage': 'ephemeralStorageMiB',
  pids: 'pids',
} as const;

export function parseReserved(texts: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    texts.map((text) => {
      const [part = '', amount = ''] = text.split('=', 2);
      const field = reservedParts[part as keyof typeof reservedParts] as string | undefined;
      const number = field === undefined ? undefined : amountOf(field, amount);
      if (field === undefined || number === undefined) {
        throw new Fault('USAGE', {
          detail: `"${text}" is no reservation: cpu=500m, memory=2Gi, ephemeral-storage=1Gi or pids=1000`,
        });
      }
      return [field, number];
    }),
  );
}

/** As parseReserved takes it. */
export function showReserved(reserved: Reserved): readonly string[] {
  const units: Readonly<Record<string, string>> = { cpu: 'm', memory: 'Mi', 'ephemeral-storage': 'Mi' };
  return Object.entries(reservedParts).flatMap(([part, field]) =>
    reserved[field] === undefined ? [] : [`${part}=${reserved[field]}${units[part] ?? ''}`],
  );
}

function amountOf(field: string, text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,7})(m|Mi|Gi)?$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const number = Number(digits);
  if (field === 'cpuMillicores')
    return unit === 'm' ? number : unit === undefined ? number * 1000 : undefined;
  if (field === 'pids') return unit === undefined ? number : undefined;
  if (unit === 'Gi') return number * 1024;
  return unit === 'Mi' ? number : undefined;
}

export function parseEviction(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const [signal = '', threshold = ''] = text.split('=', 2);
      if ((evictionSignals as readonly string[]).includes(signal) && threshold !== '')
        return [signal, threshold];
      throw new Fault('USAGE', { detail: `"${text}" is no eviction: ${evictionSignals[0]}=500Mi or =5%` });
    }),
  );
}

export function parseThresholds(text: string) {
  const [, high, low] = /^(\d{1,3}):(\d{1,3})$/.exec(text) ?? [];
  if (high === undefined || low === undefined || Number(low) >= Number(high)) {
    throw new Fault('USAGE', { detail: `"${text}" are no thresholds: 85:80, the higher first` });
  }
  return { highThresholdPercent: Number(high), lowThresholdPercent: Number(low) };
}
