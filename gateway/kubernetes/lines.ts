// An answer line by line, as bytes. A line that is longer than the limit is passed over while it comes: what
// is told of it is its beginning. Nothing of it is decoded or parsed, so it costs a search for its end (a
// watch line of a kubelet's Node may be of 8 MB, as often as it likes).
export interface Line {
  /** undefined: it is longer than the limit. */
  readonly bytes: Buffer | undefined;
  /** So much of it is always there. */
  readonly front: string;
  readonly length: number;
}

const lineLimitBytes = 1024 * 1024;
const frontBytes = 2048;
const newline = 10;

export async function* readLines(answer: AsyncIterable<Buffer>): AsyncGenerator<Line, void> {
  let parts: Buffer[] = [];
  let length = 0;
  const add = (piece: Buffer) => {
    length += piece.length;
    if (length <= lineLimitBytes) parts.push(piece);
    else if (parts.length > 1 || (parts[0]?.length ?? 0) < frontBytes)
      parts = [Buffer.concat([...parts, piece.subarray(0, frontBytes)]).subarray(0, frontBytes)];
  };
  const take = (): Line => {
    const bytes = Buffer.concat(parts);
    const front = bytes.toString('latin1', 0, frontBytes);
    const line = { bytes: length <= lineLimitBytes ? bytes : undefined, front, length };
    parts = [];
    length = 0;
    return line;
  };
  for await (const chunk of answer) {
    let begin = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, begin)) {
      add(chunk.subarray(begin, end));
      yield take();
      begin = end + 1;
    }
    if (begin < chunk.length) add(chunk.subarray(begin));
  }
  if (length > 0) yield take();
}
