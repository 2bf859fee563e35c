// How much of V8's heap is for what has just been made. By itself it grows by tens of megabytes while
// thousands of nodes connect and stays so, 6 KiB for each idle tunnel of 5,000; and V8 takes the limit only
// when the process starts. So the gateway starts itself once more, in place: same pid, arguments,
// environment and standard streams.
const flag = '--max-semi-space-size';
export const youngGenerationFlag = `${flag}=8`;

/** To be called before anything is open. What the operator has said of it counts. */
export function limitYoungGeneration(): void {
  const { execArgv, env, execPath, argv } = process;
  const isTold = [...execArgv, ...(env.NODE_OPTIONS ?? '').split(' ')].some((option) =>
    option.replaceAll('_', '-').startsWith(flag),
  );
  if (!isTold)
    process.execve?.(execPath, [execPath, ...execArgv, youngGenerationFlag, ...argv.slice(1)], env);
}
