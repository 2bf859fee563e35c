// What is said of a call over the network that failed: one line, with the cause that a
// person can do something about.

export function detailOf(error: unknown): string {
  // What was tried at several addresses has no message of its own.
  if (error instanceof AggregateError) return (error.errors as unknown[]).map(detailOf).join(', ');
  const { name, message, code, syscall, hostname, cause } = error as NodeJS.ErrnoException & {
    hostname?: string;
  };
  // Given up by us: for the reason that was given then.
  if (name === 'AbortError' && cause instanceof Error) return detailOf(cause);
  if (name === 'TimeoutError') return 'it did not answer in time';
  // A host that asks `myhostname` beside DNS has a module for it that the payload's C
  // library can't load: that is EBUSY.
  if (syscall === 'getaddrinfo' && code === 'EBUSY')
    return `the name ${hostname ?? ''} is not known (${message})`;
  return message || (code ?? name);
}
