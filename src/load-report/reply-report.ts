import { writeLatin1 } from '../core/bytes.ts';
import type { Field } from '../core/field.ts';
import { HeaderBlock } from '../core/header-block.ts';
import { RawField } from '../core/raw-field.ts';
import { base64Chars, decodeBase64 } from './base64.ts';
import { type LoadReport, loadReportBytesMax } from './load-report.ts';
import { ReportReader } from './read-message.ts';
import { readJsonReport, readTextReport } from './read-text.ts';

/** Where gRPC servers put the encoded report: in the trailers, or in the head of a reply that has nothing else (gRFC A51). */
export const binaryReportName = 'endpoint-load-metrics-bin';
/** Where HTTP servers put it: in the head, with its format in front, as Envoy reads it. */
export const textReportName = 'endpoint-load-metrics';

/** Characters of the longest value that is looked at. */
const valueCharsMax = base64Chars(loadReportBytesMax) + 'BIN '.length;

/** Reports are read one at a time, so these serve all clusters. */
const message = Buffer.allocUnsafeSlow(loadReportBytesMax + 3);
const text = Buffer.allocUnsafeSlow(valueCharsMax);

/** Reads the load reports in the replies of one cluster. */
export class ReplyReports {
  private readonly reader: ReportReader;
  private readonly names: readonly string[];

  /** `names` are metrics of which the greatest becomes `LoadReport.named`; see `ReportReader`. */
  constructor(names: readonly string[] = []) {
    this.names = names;
    this.reader = new ReportReader(message, names);
  }

  /**
   * Reads the report of a head or of trailers into `report`. Returns false where there is none, or one that says nothing or is
   * malformed; the report is clear then. Of several, the first decides. Reading the binary form makes no object: what it allocates, about
   * 16 bytes, is a number that V8 boxes on its way.
   */
  read(block: HeaderBlock, report: LoadReport): boolean {
    report.clear();
    const field = findReport(block);
    if (field === null) return false;
    const length = decodeReport(field);
    const isRead = length < 0 ? this.readOther(field, report) : this.reader.read(length, report);
    if (!isRead) report.clear();
    return isRead && !report.isEmpty;
  }

  /** The same of an encoded report, such as an out-of-band stream has. */
  readMessage(bytes: Uint8Array, report: LoadReport): boolean {
    report.clear();
    if (bytes.length > loadReportBytesMax) return false;
    message.set(bytes);
    const isRead = this.reader.read(bytes.length, report);
    if (!isRead) report.clear();
    return isRead && !report.isEmpty;
  }

  private readOther(field: Field, report: LoadReport): boolean {
    if (field.name !== textReportName || valueLength(field) > valueCharsMax) return false;
    const format = field.value.slice(0, formatChars);
    const rest = field.value.slice(formatChars);
    if (format === 'TEXT ') return readTextReport(rest, this.names, report);
    return format === 'JSON ' && readJsonReport(rest, this.names, report);
  }
}

/** Characters of `TEXT ` and `JSON `. */
const formatChars = 5;
const binaryFormat = Buffer.from('BIN ', 'latin1');

/** Returns the encoded report that the value of a field is, valid until the next one is read; null for another format. */
export function binaryReport(field: Field): Uint8Array | null {
  const length = decodeReport(field);
  return length < 0 ? null : message.subarray(0, length);
}

/** Decodes the value to `message`. Returns the length, or -1 for another format or what is too long. */
function decodeReport(field: Field): number {
  const isRaw = field instanceof RawField;
  const length = valueLength(field);
  if (length > valueCharsMax) return -1;
  if (!isRaw) writeLatin1(text, 0, field.value);
  const bytes = isRaw ? field.chunk.bytes : text;
  const start = isRaw ? field.start : 0;
  let from = start;
  if (field.name === textReportName) {
    from += binaryFormat.length;
    if (length < binaryFormat.length) return -1;
    for (let i = 0; i < binaryFormat.length; i++) if (bytes[start + i] !== binaryFormat[i]) return -1;
  }
  return decodeBase64(bytes, from, start + length, message);
}

function valueLength({ name, size }: Field): number {
  return size - name.length - 32;
}

function isReport({ name }: Field): boolean {
  return name === binaryReportName || name === textReportName;
}

/** Returns the field with the report of a head or of trailers; null for none. */
export function findReport(block: HeaderBlock): Field | null {
  // A report is new each time, so it stands behind what repeats.
  for (let part: HeaderBlock | null = block; part !== null; part = part.base)
    for (const field of part.fields) if (isReport(field)) return field;
  return null;
}

/** Returns the block without load reports. It is the base of the block where nothing else stands on that, and makes no object. */
export function withoutReport(block: HeaderBlock): HeaderBlock {
  const { base, fields } = block;
  if (base !== null && fields.length === 1 && isReport(fields[0])) return withoutReport(base);
  if (findReport(block) === null) return block;
  return new HeaderBlock(block.allFields.filter((field) => !isReport(field)));
}
