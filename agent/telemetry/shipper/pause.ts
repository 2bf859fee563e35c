// When the shipper leaves the channel alone: one pause at a time, after which it goes on, or goes back to
// what is not acknowledged. Going back outranks going on. Nothing starts any more once it has been stopped.

export class Pause {
  readonly #goOn: () => void;
  readonly #sendAgain: () => void;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(goOn: () => void, sendAgain: () => void) {
    this.#goOn = goOn;
    this.#sendAgain = sendAgain;
  }

  get isOn(): boolean {
    return this.#timer !== undefined;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** False when one is on that this does not outrank, or all is over. */
  begin(milliseconds: number, again = false): boolean {
    if (this.#isStopped || (this.#timer !== undefined && !again)) return false;
    this.end();
    this.#timer = setTimeout(again ? this.#sendAgain : this.#goOn, milliseconds).unref();
    return true;
  }

  end(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  stop(): void {
    this.#isStopped = true;
    this.end();
  }
}
