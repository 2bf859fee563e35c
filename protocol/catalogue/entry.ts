// What every code of the catalogue has: an exit code, one line and a remedy, in English and Chinese.

/**
 * Exit codes of every command: 0 ok, 1 failed, 2 usage or configuration, 3 preflight failed, 4
 * busy, 5 unhealthy or timed out.
 */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5;

/** One entry of the catalogue. `{name}` in a text is replaced by the value of that name. */
export interface CatalogueEntry {
  readonly exitCode: ExitCode;
  readonly en: { readonly message: string; readonly remedy: string };
  readonly zh: { readonly message: string; readonly remedy: string };
}
