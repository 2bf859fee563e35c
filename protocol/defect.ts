// Where it is told that this process has made a mistake: something was thrown that nobody expects. Whoever
// asked for what failed loses that (a session, a request, a turn), and the process goes on: no input may end
// it. Who composes the process listens (`onDefect`), logs and counts; tests fail at each. Without a listener
// the process ends, as for any exception.
import { channel } from 'node:diagnostics_channel';

export interface Defect {
  /** A few fixed words for logs and graphs, never what a peer said. */
  readonly where: string;
  readonly error: unknown;
}

const defects = channel('regnode:defect');

export function tellDefect(where: string, error: unknown): void {
  if (defects.hasSubscribers) defects.publish({ where, error } satisfies Defect);
  else
    queueMicrotask(() => {
      throw error;
    });
}

/** The function stops listening. */
export function onDefect(listener: (defect: Defect) => void): () => void {
  const hear = (message: unknown) => listener(message as Defect);
  defects.subscribe(hear);
  return () => void defects.unsubscribe(hear);
}

/**
 * For a process that is to outlive its mistakes: a rejection that nobody handles and an exception
 * that nobody catches are defects like any other. What the main line of the process awaits still ends
 * it. The function ends it all.
 */
export function outliveDefects(heard: (defect: Defect) => void): () => void {
  // To be told of a defect must not be one: there is nowhere left to tell that.
  const stop = onDefect((defect) => {
    try {
      heard(defect);
    } catch {}
  });
  const rejected = (error: unknown) => tellDefect('unhandled rejection', error);
  const thrown = (error: unknown) => tellDefect('uncaught exception', error);
  process.on('unhandledRejection', rejected).on('uncaughtException', thrown);
  return () => {
    process.off('unhandledRejection', rejected).off('uncaughtException', thrown);
    stop();
  };
}

/** For a promise that nobody waits for: its failure is a defect, unless `failed` knows better. */
export function background(
  where: string,
  promise: Promise<unknown>,
  failed: (error: unknown) => void = (error) => tellDefect(where, error),
): void {
  promise.then(undefined, failed).catch((error: unknown) => tellDefect(where, error));
}

/** Tells each; one that throws keeps nothing from the others. */
export function tellEach<A extends readonly unknown[]>(
  where: string,
  listeners: Iterable<(...args: A) => void>,
  ...args: A
): void {
  for (const listener of listeners) contained(where, () => listener(...args));
}

/** What it throws is a defect, and whoever calls goes on. */
export function contained(where: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    tellDefect(where, error);
  }
}
