// A setting that somebody else changes at any rate is taken at once when it rests, and else the latest of
// what came once in a while. Each taking may be dear: other intervals are a description of every group,
// and a round of all collectors.

/** `take` is called at most once in `everyMs`, and in the end with what came last. */
export function nowAndThen<T>(everyMs: number, take: (value: T) => void): (value: T) => void {
  let latest: { readonly value: T } | undefined;
  let isResting = false;
  const next = () => {
    isResting = latest !== undefined;
    if (latest === undefined) return;
    const { value } = latest;
    latest = undefined;
    setTimeout(next, everyMs).unref();
    take(value);
  };
  return (value) => {
    latest = { value };
    if (!isResting) next();
  };
}
