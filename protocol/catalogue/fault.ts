// One shape for every expected failure: a stable code, the values that belong to it, and (from the catalogue)
// one line and a remedy in English and Chinese. Both ends use it; over HTTP only code and values travel, so
// the reader's language is the reader's choice. Values must never hold a secret.

import { printable } from '../printable.ts';
import type { ExitCode } from './entry.ts';
import { catalogue, type FaultCode } from './index.ts';

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

  /**
   * Reads a fault from the wire; an unknown code becomes PEER_ANSWER_UNKNOWN that names it. Of the
   * values only texts and numbers.
   */
  static fromWire(wire: { readonly code: string; readonly values?: unknown }): Fault {
    return isFaultCode(wire.code)
      ? new Fault(wire.code, valuesFromWire(wire.values))
      : new Fault('PEER_ANSWER_UNKNOWN', { code: printable(wire.code, codeLimit) });
  }

  /** The fault that an answer over HTTP carries (`WireFault`), if it does. */
  static inAnswer(answer: unknown): Fault | undefined {
    const wire = (answer as { error?: { code?: unknown; values?: unknown } } | null | undefined)?.error;
    const { code, values } = wire ?? {};
    return typeof code === 'string' ? Fault.fromWire({ code, values }) : undefined;
  }
}

/**
 * Of `zh`, or of a locale; Chinese as we write it is nonsense on a terminal of
 * another character set than UTF-8.
 */
export function languageNamed(name: string): Language {
  return /^zh[^.]*(?:\.utf-?8.*)?$/i.test(name) ? 'zh' : 'en';
}

export function isFaultCode(code: string): code is FaultCode {
  return Object.hasOwn(catalogue, code);
}

const codeLimit = 64;
const valuesLimit = 32;
const valueLimit = 4096;

function valuesFromWire(values: unknown): FaultValues {
  const read: Record<string, string | number> = {};
  for (const [key, value] of Object.entries(values ?? {}).slice(0, valuesLimit)) {
    if (typeof value === 'number') read[printable(key, codeLimit)] = value;
    else if (typeof value === 'string') read[printable(key, codeLimit)] = printable(value, valueLimit);
  }
  return read;
}

/** Replaces `{name}` by its value, as far as that may be shown; a name without a value stays as it is. */
export function fill(template: string, values: FaultValues): string {
  return template.replaceAll(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? printable(String(values[name] ?? whole), valueLimit) : whole,
  );
}
