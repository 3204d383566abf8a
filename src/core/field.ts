/**
 * One header field, shared by everything that carries it (RFC 9110 section 5, RFC 7541 section 1.3). Its name and value never
 * change.
 *
 * Names and values are "binary" strings: one UTF-16 unit per byte (latin1), so that bytes above 0x7f pass
 * through a call exactly. Names from the wire are lower case, or the block that holds them is malformed.
 */
export class Field {
  readonly name: string;
  readonly value: string;
  /** RFC 7541 section 7.1.3: must stay a never-indexed literal on every hop. */
  readonly sensitive: boolean;
  /** What the name and value are, judged once: see `FieldKind`. */
  readonly kind: FieldKind;
  /**
   * True once the field was seen to repeat (referenced by index, or held as a constant). Only such fields
   * enter an encoder's dynamic table: a trace header that is new on every call must not push out the others.
   */
  repeated = false;
  /** HPACK bytes that need no dynamic table, made on first use; never changed afterwards. */
  literal: Uint8Array | null = null;

  /** `kind` where the maker knows what it is, and that it is well-formed. */
  constructor(name: string, value: string, sensitive = false, kind?: FieldKind) {
    this.name = name;
    this.value = value;
    this.sensitive = sensitive;
    this.kind = kind ?? classify(name, value);
  }

  /** RFC 7541 section 4.1: the bytes of name and value plus 32, the unit of every header limit. */
  get size(): number {
    return this.name.length + this.value.length + 32;
  }
}

/** A field that Outrigger itself sends again and again. */
export function constantField(name: string, value: string): Field {
  const field = new Field(name, value);
  field.repeated = true;
  return field;
}

/** What a field is to validation and routing, so that a block is checked by comparing small integers only. */
export const FieldKind = {
  Regular: 0,
  /** RFC 9113 sections 8.2.1 and 8.3.1: no message may hold it. */
  Malformed: 1,
  /** RFC 9113 section 8.2.2: connection, keep-alive, proxy-connection, transfer-encoding, upgrade, te but trailers. */
  ConnectionSpecific: 2,
  Method: 3,
  Scheme: 4,
  Authority: 5,
  Path: 6,
  Status: 7,
  /** RFC 8441 section 4. */
  Protocol: 8,
  /** A pseudo-header that no RFC here defines. */
  UnknownPseudo: 9,
  Host: 10,
  ContentLength: 11,
  ContentType: 12,
  GrpcTimeout: 13,
  GrpcStatus: 14,
  Traceparent: 15,
  Tracestate: 16,
  Expect: 17,
  ForwardedProto: 18,
  /** See `aliasesOf`. */
  Alias: 19,
} as const;
export type FieldKind = (typeof FieldKind)[keyof typeof FieldKind];

/**
 * Names that decide where a message ends, or by which endpoints know their clients. CGI and what is built like it (WSGI, PHP, Rack)
 * read `_` and `.` as `-`: `x_forwarded_for` would be what the client says of itself, `transfer_encoding` another framing.
 */
const aliased = [
  'content-length',
  'transfer-encoding',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
];

/** Every spelling of a name in which a dash is written as `_` or `.`. */
function aliasesOf(name: string): string[] {
  const [first, ...parts] = name.split('-');
  let spellings = [first];
  for (const part of parts)
    spellings = spellings.flatMap((before) => ['-', '_', '.'].map((dash) => before + dash + part));
  return spellings.filter((spelling) => spelling !== name);
}

const kinds = new Map<string, FieldKind>([
  ...aliased.flatMap(aliasesOf).map((name): [string, FieldKind] => [name, FieldKind.Alias]),
  ['connection', FieldKind.ConnectionSpecific],
  ['keep-alive', FieldKind.ConnectionSpecific],
  ['proxy-connection', FieldKind.ConnectionSpecific],
  ['transfer-encoding', FieldKind.ConnectionSpecific],
  ['upgrade', FieldKind.ConnectionSpecific],
  ['http2-settings', FieldKind.ConnectionSpecific],
  [':method', FieldKind.Method],
  [':scheme', FieldKind.Scheme],
  [':authority', FieldKind.Authority],
  [':path', FieldKind.Path],
  [':status', FieldKind.Status],
  [':protocol', FieldKind.Protocol],
  ['host', FieldKind.Host],
  ['content-length', FieldKind.ContentLength],
  ['content-type', FieldKind.ContentType],
  ['grpc-timeout', FieldKind.GrpcTimeout],
  ['grpc-status', FieldKind.GrpcStatus],
  ['traceparent', FieldKind.Traceparent],
  ['tracestate', FieldKind.Tracestate],
  ['expect', FieldKind.Expect],
  ['x-forwarded-proto', FieldKind.ForwardedProto],
]);

function classify(name: string, value: string): FieldKind {
  if (!isFieldValue(value)) return FieldKind.Malformed;
  return kindOfName(name) ?? (value === 'trailers' ? FieldKind.Regular : FieldKind.ConnectionSpecific);
}

/** The kind of every field of this name whose value is well-formed; undefined for `te`, whose value decides. */
export function kindOfName(name: string): FieldKind | undefined {
  if (name === 'te') return undefined;
  const known = kinds.get(name);
  if (known !== undefined) return known;
  if (name.charCodeAt(0) === 0x3a) return FieldKind.UnknownPseudo;
  return isFieldName(name) ? FieldKind.Regular : FieldKind.Malformed;
}

/** RFC 9110 section 5.6.2 token, without the upper case that RFC 9113 section 8.2.1 forbids. */
const tokenBytes = new Uint8Array(256);
for (const c of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") tokenBytes[c.charCodeAt(0)] = 1;

function isFieldName(name: string): boolean {
  if (name.length === 0) return false;
  for (let i = 0; i < name.length; i++) {
    if (tokenBytes[name.charCodeAt(i)] !== 1) return false;
  }
  return true;
}

/** RFC 9113 section 8.2.1: no NUL, CR or LF anywhere, no space or tab at either end. */
function isFieldValue(value: string): boolean {
  const length = value.length;
  if (length === 0) return true;
  const first = value.charCodeAt(0);
  const last = value.charCodeAt(length - 1);
  if (first === 0x20 || first === 0x09 || last === 0x20 || last === 0x09) return false;
  for (let i = 0; i < length; i++) {
    const c = value.charCodeAt(i);
    // Controls other than tab could be read as a line end by some HTTP/1.1 parser behind us (RFC 9110 section 5.5).
    if (c < 0x20 ? c !== 0x09 : c === 0x7f || c > 0xff) return false;
  }
  return true;
}
