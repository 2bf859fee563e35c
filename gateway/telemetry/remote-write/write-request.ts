// A WriteRequest of remote-write 1.0, before compression:
//
//   WriteRequest { repeated TimeSeries timeseries = 1 }
//   TimeSeries { repeated Label labels = 1; repeated Sample samples = 2 }
//   Label { string name = 1; string value = 2 }
//   Sample { double value = 1; int64 timestamp = 2 }
//
// A NaN value stands for the end of the series: it is written as Prometheus' staleness marker, bit by bit,
// because that is a signalling NaN, which no JavaScript number may be trusted to keep.
import { varintBytes, writeVarint } from './protobuf.ts';
import type { Series } from './series.ts';

export interface Sample {
  readonly series: Series;
  readonly timestampMs: number;
  /** NaN: the series has ended. */
  readonly value: number;
}

const staleMarker = 0x7ff0_0000_0000_0002n;

/** Samples of one series must come in the order of their time. */
export function encodeWriteRequest(samples: readonly Sample[]): Uint8Array {
  const bySeries = new Map<Series, Sample[]>();
  for (const sample of samples) {
    const list = bySeries.get(sample.series);
    if (list === undefined) bySeries.set(sample.series, [sample]);
    else list.push(sample);
  }
  let total = 0;
  for (const [{ labelBytes }, list] of bySeries) {
    const size = labelBytes + samplesBytes(list);
    total += 1 + varintBytes(size) + size;
  }
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const [series, list] of bySeries) {
    bytes[offset] = 0x0a;
    offset = writeVarint(bytes, offset + 1, series.labelBytes + samplesBytes(list));
    offset = series.writeLabels(bytes, offset);
    for (const sample of list) offset = writeSample(bytes, view, offset, sample);
  }
  return bytes;
}

function samplesBytes(samples: readonly Sample[]): number {
  let bytes = 0;
  for (const { timestampMs } of samples) bytes += 2 + sampleBytes(timestampMs);
  return bytes;
}

/** At most 20, so its length is one byte. */
function sampleBytes(timestampMs: number): number {
  return 1 + 8 + 1 + varintBytes(timestampMs);
}

function writeSample(bytes: Uint8Array, view: DataView, at: number, { timestampMs, value }: Sample): number {
  bytes[at] = 0x12;
  bytes[at + 1] = sampleBytes(timestampMs);
  bytes[at + 2] = 0x09;
  if (Number.isNaN(value)) view.setBigUint64(at + 3, staleMarker, true);
  else view.setFloat64(at + 3, value, true);
  bytes[at + 11] = 0x10;
  return writeVarint(bytes, at + 12, timestampMs);
}
