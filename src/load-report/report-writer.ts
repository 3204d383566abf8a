import { type ByteChunk, type EncodedName, RawField } from '../core/raw-field.ts';
import { base64Chars, encodeBase64 } from './base64.ts';
import { type LoadReport, loadReportBytesMax, ownMetrics } from './load-report.ts';
import { reportFields } from './read-message.ts';

/** A chunk has room for some dozens of reports, and each field keeps its whole chunk. */
const chunkBytes = 4096;

const fixed64 = 1;
const delimited = 2;

/** What comes before the value of a named metric: tag and length of the entry, its name, the tag of its value. */
function entryStart(name: string): Buffer {
  const key = Buffer.from(name);
  const start = [
    (reportFields.namedMetrics << 3) | delimited,
    key.length + 11,
    (1 << 3) | delimited,
    key.length,
  ];
  return Buffer.from([...start, ...key, (2 << 3) | fixed64]);
}

const starts = {
  inFlight: entryStart(ownMetrics.inFlight),
  latencyMs: entryStart(ownMetrics.latencyMs),
  limit: entryStart(ownMetrics.limit),
};

/** Returns a short header name that HPACK has no index for, as all before the value of a literal (RFC 7541 section 6.2.2). */
export function encodedName(name: string): EncodedName {
  return { name, prefix: Uint8Array.of(0, name.length, ...Buffer.from(name, 'latin1')) };
}

/** Bytes of a report with all that Outrigger writes, which follow those of the replica's own. */
export const ownReportBytesMax =
  3 * 9 + starts.inFlight.length + starts.latencyMs.length + starts.limit.length + 3 * 8;

/**
 * Writes load reports as header fields. Their values lie one behind the other in chunks that are never written twice, so that a
 * report costs one small object.
 */
export class ReportWriter {
  private readonly name: EncodedName;
  private readonly format: Buffer;
  private readonly message = Buffer.allocUnsafeSlow(loadReportBytesMax + ownReportBytesMax);
  private length = 0;
  private chunk: ByteChunk | null = null;
  private position = 0;

  /** Of fields with this name, whose value begins with `format`. */
  constructor(name: EncodedName, format: string) {
    this.name = name;
    this.format = Buffer.from(format, 'latin1');
  }

  /** Begins with a report of the replica itself: its encoded bytes, `loadReportBytesMax` at the most. */
  begin(replicas: Uint8Array | null): void {
    this.length = 0;
    if (replicas === null) return;
    this.message.set(replicas);
    this.length = replicas.length;
  }

  /**
   * Appends what is known of the replica, and returns the field. Messages that are appended to each other are merged, so the
   * replica's own metrics stay. With `ownOnly`, just Outrigger's metrics are written: the replica has reported the others.
   */
  finish(report: LoadReport, ownOnly: boolean): RawField {
    if (!ownOnly) {
      this.number(reportFields.application, report.application);
      this.number(reportFields.requestsPerSecond, report.requestsPerSecond);
      if (report.errorsPerSecond > 0) this.number(reportFields.errorsPerSecond, report.errorsPerSecond);
    }
    this.metric(starts.inFlight, report.inFlight);
    this.metric(starts.latencyMs, report.latencyMs);
    this.metric(starts.limit, report.limit);
    const { format, message } = this;
    const chars = format.length + base64Chars(this.length);
    const chunk = this.reserve(chars);
    const start = this.position;
    chunk.bytes.set(format, start);
    this.position = encodeBase64(message, this.length, chunk.bytes, start + format.length);
    return new RawField(this.name, chunk, start, chars);
  }

  private reserve(count: number): ByteChunk {
    if (this.chunk === null || this.position + count > this.chunk.bytes.length) {
      const bytes = Buffer.allocUnsafeSlow(Math.max(chunkBytes, count));
      this.chunk = { bytes, view: new DataView(bytes.buffer) };
      this.position = 0;
    }
    return this.chunk;
  }

  private number(field: number, value: number): void {
    if (value < 0) return;
    this.message[this.length++] = (field << 3) | fixed64;
    this.length = this.message.writeDoubleLE(value, this.length);
  }

  private metric(start: Buffer, value: number): void {
    if (value < 0) return;
    this.message.set(start, this.length);
    this.length = this.message.writeDoubleLE(value, this.length + start.length);
  }
}
