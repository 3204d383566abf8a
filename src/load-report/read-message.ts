import { clamped, type LoadReport, loadReportMax, metricNamesMax, ownMetrics } from './load-report.ts';

/** Numbers of the fields of `xds.data.orca.v3.OrcaLoadReport`. */
export const reportFields = {
  cpu: 1,
  memory: 2,
  utilization: 5,
  requestsPerSecond: 6,
  errorsPerSecond: 7,
  namedMetrics: 8,
  application: 9,
} as const;

const varint = 0;
const fixed64 = 1;
const delimited = 2;
const fixed32 = 5;

/** The number of a field and of a length fits into so many bytes of seven bits. */
const varintBytesMax = 5;
/** Of an unknown number, which is passed over. */
const skippedVarintBytesMax = 10;

const inFlightName = Buffer.from(ownMetrics.inFlight);
const latencyName = Buffer.from(ownMetrics.latencyMs);
const limitName = Buffer.from(ownMetrics.limit);

/**
 * Reads load reports in the wire format of Protocol Buffers, from bytes that nobody has checked. It makes no object and never
 * throws; the work is bounded by the number of bytes.
 */
export class ReportReader {
  private readonly bytes: Buffer;
  private readonly view: DataView;
  private readonly names: readonly Buffer[];
  private at = 0;
  private end = 0;

  /**
   * `bytes` is where messages are put; `names` are the metrics of which the greatest becomes `LoadReport.named`, each written as
   * `named_metrics.NAME` or `utilization.NAME` (gRFC A114).
   */
  constructor(bytes: Buffer, names: readonly string[] = []) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.names = names.slice(0, metricNamesMax).map((name) => Buffer.from(name));
  }

  /** Reads the first `length` bytes into a report that is clear; false where they are no report, which then may hold a part. */
  read(length: number, report: LoadReport): boolean {
    this.at = 0;
    this.end = length;
    while (this.at < length) {
      const tag = this.varint();
      if (tag < 8) return false;
      const number = tag >>> 3;
      const wireType = tag & 7;
      const isRead =
        wireType === fixed64
          ? this.number(number, report)
          : wireType === delimited &&
              (number === reportFields.namedMetrics || number === reportFields.utilization)
            ? this.entry(number, report)
            : this.skip(wireType);
      if (!isRead) return false;
    }
    return true;
  }

  private number(field: number, report: LoadReport): boolean {
    if (this.end - this.at < 8) return false;
    const value = this.view.getFloat64(this.at, true);
    this.at += 8;
    const { utilization, perSecond } = loadReportMax;
    if (field === reportFields.application) report.application = clamped(value, utilization);
    else if (field === reportFields.cpu) report.cpu = clamped(value, utilization);
    else if (field === reportFields.memory) report.memory = clamped(value, utilization);
    else if (field === reportFields.requestsPerSecond) report.requestsPerSecond = clamped(value, perSecond);
    else if (field === reportFields.errorsPerSecond) report.errorsPerSecond = clamped(value, perSecond);
    return true;
  }

  /** An entry of a map from names to numbers: a message with the name (1) and the number (2). */
  private entry(map: number, report: LoadReport): boolean {
    const length = this.varint();
    if (length < 0 || length > this.end - this.at) return false;
    const outerEnd = this.end;
    this.end = this.at + length;
    let nameStart = 0;
    let nameEnd = 0;
    let value = 0;
    while (this.at < this.end) {
      const tag = this.varint();
      if (tag < 8) return false;
      if (tag === ((1 << 3) | delimited)) {
        const nameLength = this.varint();
        if (nameLength < 0 || nameLength > this.end - this.at) return false;
        nameStart = this.at;
        this.at += nameLength;
        nameEnd = this.at;
      } else if (tag === ((2 << 3) | fixed64)) {
        if (this.end - this.at < 8) return false;
        value = this.view.getFloat64(this.at, true);
        this.at += 8;
      } else if (!this.skip(tag & 7)) return false;
    }
    this.end = outerEnd;
    this.metric(map, nameStart, nameEnd, value, report);
    return true;
  }

  private metric(map: number, start: number, end: number, value: number, report: LoadReport): void {
    if (map === reportFields.namedMetrics) {
      if (this.equal(start, end, inFlightName, 0)) {
        report.inFlight = clamped(value, loadReportMax.inFlight);
        return;
      }
      if (this.equal(start, end, latencyName, 0)) {
        report.latencyMs = clamped(value, loadReportMax.latencyMs);
        return;
      }
      if (this.equal(start, end, limitName, 0)) {
        report.limit = clamped(value, loadReportMax.inFlight);
        return;
      }
    }
    for (let i = 0; i < this.names.length; i++) {
      const name = this.names[i];
      const prefix = map === reportFields.namedMetrics ? namedPrefix : utilizationPrefix;
      if (!startsWith(name, prefix) || !this.equal(start, end, name, prefix.length)) continue;
      report.named = Math.max(report.named, clamped(value, loadReportMax.utilization));
    }
  }

  /** Whether the bytes from `start` to `end` are those of `name` from `nameStart` on. */
  private equal(start: number, end: number, name: Buffer, nameStart: number): boolean {
    const length = name.length - nameStart;
    if (end - start !== length) return false;
    for (let i = length - 1; i >= 0; i--) if (this.bytes[start + i] !== name[nameStart + i]) return false;
    return true;
  }

  /** Passes over a value of this type; false where it does not end. */
  private skip(wireType: number): boolean {
    let count = 0;
    if (wireType === fixed64) count = 8;
    else if (wireType === fixed32) count = 4;
    else if (wireType === delimited) count = this.varint();
    else if (wireType === varint) {
      for (let i = 0; i < skippedVarintBytesMax && this.at < this.end; i++)
        if (this.bytes[this.at++] < 0x80) return true;
      return false;
    } else return false;
    if (count < 0 || count > this.end - this.at) return false;
    this.at += count;
    return true;
  }

  /** A number of 31 bits at the most, or -1. */
  private varint(): number {
    // Nearly every tag and length is one byte.
    if (this.at < this.end && this.bytes[this.at] < 0x80) return this.bytes[this.at++];
    let value = 0;
    let scale = 1;
    for (let i = 0; i < varintBytesMax && this.at < this.end; i++) {
      const byte = this.bytes[this.at++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value > 0x7fff_ffff ? -1 : value;
      scale *= 128;
    }
    return -1;
  }
}

export const namedPrefix = Buffer.from('named_metrics.');
export const utilizationPrefix = Buffer.from('utilization.');

function startsWith(name: Buffer, prefix: Buffer): boolean {
  if (name.length < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (name[i] !== prefix[i]) return false;
  return true;
}
