// Cuts what a socket delivers at the boundaries of websocket frames, so that the websocket library
// gets each large frame in one piece and need not join it itself: into memory of our own (memory.ts),
// which is used again. The library still does all that makes a websocket, but for short messages at a
// gateway (shortcut.ts); here only lengths are read. What looks unlike our frames is handed through as
// it came, for the library to judge.
import { type Block, blockBytes, discard, giveBack, isWorthwhile, takeBlock } from './memory.ts';
import type { Shortcut } from './shortcut.ts';

const headerLimitBytes = 14;
/**
 * Frames from here on are gathered in a block; the message they belong to holds it
 * until it has been looked at.
 */
const largeFrameBytes = 8 * 1024;
const lastFragment = 0x80;
const controlOpcode = 0x08;
const closeOpcode = 0x08;

/** Called with bytes that may be looked at during the call only; false: no more. */
export type Feed = (bytes: Uint8Array) => boolean;

export class FrameAlignment {
  readonly #feed: Feed;
  readonly #shortcut: Shortcut | undefined;
  readonly #header = new Uint8Array(headerLimitBytes);
  #headerBytes = 0;
  /** The frame that is being gathered. */
  #target: Uint8Array | undefined;
  #block: Block | undefined;
  #filled = 0;
  #total = 0;
  #endsMessage = false;
  #closes = false;
  /** Blocks of a message whose last fragment has not come. */
  #held: Block[] = [];
  #through = false;
  /** A close frame was handed over: nothing may follow it. */
  #over = false;

  constructor(feed: Feed, shortcut?: Shortcut) {
    this.#feed = feed;
    this.#shortcut = shortcut;
  }

  /** The chunk is this object's from now on. */
  push(chunk: Uint8Array): void {
    if (this.#over) return;
    if (this.#through) {
      this.#feed(chunk);
      return;
    }
    const freed = isWorthwhile(chunk);
    let offset = 0;
    while (offset < chunk.length && !this.#through) {
      const next = this.#target ? this.#gather(chunk, offset) : this.#begin(chunk, offset, freed);
      if (next < 0 || this.#over) return;
      offset = next;
    }
    if (this.#through) this.#feed(chunk.subarray(offset));
    else if (freed) discard(chunk);
  }

  /** Looks at the length of the frame that begins here; returns where to go on, -1 to stop. */
  #begin(chunk: Uint8Array, offset: number, freed: boolean): number {
    if (this.#headerBytes === 0) {
      const told = this.#shortcut?.take(chunk, offset, freed) ?? offset;
      if (told > offset) return told;
      const whole = this.#wholeFrames(chunk, offset);
      if (whole > offset) {
        const run = chunk.subarray(offset, whole);
        const goOn = this.#feed(freed ? Buffer.from(run) : run);
        if (this.#endsMessage) this.#release();
        return goOn ? whole : -1;
      }
    }
    const before = this.#headerBytes;
    const taken = Math.min(headerLimitBytes - before, chunk.length - offset);
    this.#header.set(chunk.subarray(offset, offset + taken), before);
    const header = this.#header.subarray(0, before + taken);
    const total = frameBytes(header, 0);
    if (total === 0) {
      this.#headerBytes += taken;
      return offset + taken;
    }
    this.#headerBytes = 0;
    if (total > blockBytes) return this.#giveUp(new Uint8Array(header.subarray(0, before)), offset);
    this.#total = total;
    this.#shortcut?.passes(header[0] ?? 0, header[1] ?? 0, payloadBytes(header[1] ?? 0, total));
    this.#endsMessage = endsMessage(header[0] ?? 0);
    this.#closes = isClose(header[0] ?? 0);
    this.#block = total >= largeFrameBytes ? takeBlock() : undefined;
    this.#target = this.#block?.bytes ?? new Uint8Array(total);
    this.#target.set(header.subarray(0, before));
    this.#filled = before;
    return offset;
  }

  #gather(chunk: Uint8Array, offset: number): number {
    const target = this.#target as Uint8Array;
    const taken = Math.min(this.#total - this.#filled, chunk.length - offset);
    target.set(chunk.subarray(offset, offset + taken), this.#filled);
    this.#filled += taken;
    if (this.#filled < this.#total) return offset + taken;
    if (this.#block) this.#held.push(this.#block);
    this.#target = undefined;
    this.#block = undefined;
    this.#over = this.#closes;
    const goOn = this.#feed(target.subarray(0, this.#total));
    if (this.#endsMessage) this.#release();
    return goOn ? offset + taken : -1;
  }

  /** Where the run of small whole frames ends that begins at `offset`. */
  #wholeFrames(chunk: Uint8Array, offset: number): number {
    let end = offset;
    this.#endsMessage = false;
    while (end < chunk.length) {
      const total = frameBytes(chunk, end);
      if (total === 0 || total >= largeFrameBytes || end + total > chunk.length) break;
      const first = chunk[end] ?? 0;
      const second = chunk[end + 1] ?? 0;
      this.#shortcut?.passes(first, second, payloadBytes(second, total));
      end += total;
      if (endsMessage(first)) this.#endsMessage = true;
      if (isClose(first)) {
        this.#over = true;
        break;
      }
    }
    return end;
  }

  #giveUp(carried: Uint8Array, offset: number): number {
    this.#through = true;
    if (carried.length > 0 && !this.#feed(carried)) return -1;
    return offset;
  }

  #release(): void {
    for (const block of this.#held) giveBack(block);
    this.#held.length = 0;
  }
}

function endsMessage(first: number): boolean {
  return (first & lastFragment) !== 0 && (first & controlOpcode) === 0;
}

function isClose(first: number): boolean {
  return (first & 0x0f) === closeOpcode;
}

/** What is left of a frame of so many bytes without its header. */
function payloadBytes(second: number, total: number): number {
  const short = second & 0x7f;
  const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
  return total - 2 - lengthBytes - (second & 0x80 ? 4 : 0);
}

/**
 * Header and payload of the frame at `offset`; 0 while that can't be seen yet. Too long for us is `Infinity`.
 */
function frameBytes(source: Uint8Array, offset: number): number {
  const there = source.length - offset;
  if (there < 2) return 0;
  const second = source[offset + 1] ?? 0;
  const maskBytes = second & 0x80 ? 4 : 0;
  const short = second & 0x7f;
  if (short < 126) return 2 + maskBytes + short;
  const lengthBytes = short === 126 ? 2 : 8;
  if (there < 2 + lengthBytes) return 0;
  let length = 0;
  for (let index = 0; index < lengthBytes; index += 1)
    length = length * 256 + (source[offset + 2 + index] ?? 0);
  return 2 + lengthBytes + maskBytes + length;
}
