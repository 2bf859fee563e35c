// One shape for every expected failure: a stable code, the values that belong to it, and (from the catalogue)
// one line and a remedy in English and Chinese. Both ends use it; over HTTP only code and values travel, so
// the reader's language is the reader's choice. Values must never hold a secret.
import type { ExitCode } from './catalogue/entry.ts';
import { catalogue, type FaultCode } from './catalogue/index.ts';

export type Language = 'en' | 'zh';
export type FaultValues = Readonly<Record<string, string | number>>;

/** How a fault looks on the wire: `{"error":{"code":"TOKEN_EXPIRED","values":{"id":"ab12cd"}}}`. */
export interface WireFault {
  readonly code: FaultCode;
  readonly values: FaultValues;
}

export class Fault extends Error {
  override readonly name = 'Fault';
  readonly code: FaultCode;
  readonly values: FaultValues;

  constructor(code: FaultCode, values: FaultValues = {}, options?: { cause?: unknown }) {
    super(fill(catalogue[code].en.message, values), options);
    this.code = code;
    this.values = values;
  }

  get exitCode(): ExitCode {
    return catalogue[this.code].exitCode;
  }

  /** The line and the remedy in the reader's language. */
  explain(language: Language = 'en'): { message: string; remedy: string } {
    const entry = catalogue[this.code][language];
    return { message: fill(entry.message, this.values), remedy: fill(entry.remedy, this.values) };
  }

  toWire(): WireFault {
    return { code: this.code, values: this.values };
  }

  /** Reads a fault from the wire; an unknown code becomes PEER_ANSWER_UNKNOWN that names it. */
  static fromWire(wire: { code: string; values?: FaultValues }): Fault {
    return isFaultCode(wire.code)
      ? new Fault(wire.code, wire.values ?? {})
      : new Fault('PEER_ANSWER_UNKNOWN', { code: wire.code });
  }
}

export function isFaultCode(code: string): code is FaultCode {
  return Object.hasOwn(catalogue, code);
}

/** Replaces `{name}` by its value; a name without a value stays as it is. */
export function fill(template: string, values: FaultValues): string {
  return template.replaceAll(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
