import { Field, FieldKind } from './field.ts';

let blocksMade = 0;

/** No length: what `contentLength` holds before it is asked for. */
const unread = -2;

/**
 * The fields of one header or trailer section, in wire order (RFC 9113 section 8.1). They never change; what others derive from
 * them is kept beside them.
 *
 * A decoder may hand out the same block object for equal wire bytes, so identity is a cheap key: encoders and
 * the proxy keep what they derived from a block in `derived`, and only where `repeated` says it will be asked
 * for again.
 *
 * A block may stand on a `base`: its fields are the base's, then its own. So the part of a head that is the same on
 * every call keeps its identity, and an encoder its memo, while a trace header that is new each time follows it. A base
 * may have one in turn.
 */
export class HeaderBlock {
  /** The fields before this block's own, or null. */
  readonly base: HeaderBlock | null;
  /** This block's own fields. */
  readonly fields: readonly Field[];
  /** Distinguishes blocks in tables that are indexed by it: 31 bits that count on. */
  readonly number: number;
  /** True when the decoder has seen the very same block before; only then is caching by identity worth it. */
  repeated = false;
  /** The proxy's memo on a repeated block (route, fields to forward). Owned by `src/call/`. */
  derived: unknown = null;
  /** The HTTP/2 engine's memo of whether the block is well-formed, and as what. Owned by `http2/head-rules.ts`. */
  verdict = 0;
  /** The HTTP/1.1 serialiser's memo on a repeated block. Owned by `http1/encoded-head.ts`. */
  encoded: unknown = null;
  private statusMemo = -1;
  private lengthMemo = unread;
  private bytesMemo = -1;
  /** A bit for each kind among its own fields: most of what the call path asks for is not there. */
  private readonly kinds: number;

  constructor(fields: readonly Field[], base: HeaderBlock | null = null) {
    this.fields = fields;
    this.base = base;
    blocksMade = (blocksMade + 1) & 0x7fff_ffff;
    this.number = blocksMade;
    let kinds = 0;
    for (let i = 0; i < fields.length; i++) kinds |= 1 << fields[i].kind;
    this.kinds = kinds;
  }

  /** From pairs; for replies that Outrigger makes and for tests. */
  static of(...pairs: ReadonlyArray<readonly [name: string, value: string]>): HeaderBlock {
    return new HeaderBlock(pairs.map(([name, value]) => new Field(name, value)));
  }

  /** Every field, the base's first. */
  get allFields(): readonly Field[] {
    return this.base === null ? this.fields : [...this.base.allFields, ...this.fields];
  }

  /** The first value of a name, or undefined. */
  get(name: string): string | undefined {
    for (const field of this.allFields) if (field.name === name) return field.value;
    return undefined;
  }

  /** Every value of a name, in order. */
  all(name: string): string[] {
    const values: string[] = [];
    for (const field of this.allFields) if (field.name === name) values.push(field.value);
    return values;
  }

  /** The first value of a kind; pseudo-headers and the few names the call path asks for on every call. */
  ofKind(kind: FieldKind): string | undefined {
    // The base's fields come first: it is the last of these blocks to have one that has the first.
    let holder: HeaderBlock | null = null;
    for (let block: HeaderBlock | null = this; block !== null; block = block.base)
      if ((block.kinds & (1 << kind)) !== 0) holder = block;
    if (holder === null) return undefined;
    const { fields } = holder;
    for (let i = 0; i < fields.length; i++) if (fields[i].kind === kind) return fields[i].value;
    return undefined;
  }

  /** Is any of its fields of one of the kinds? `kinds` has a bit for each. */
  hasAny(kinds: number): boolean {
    return (this.kinds & kinds) !== 0 || this.base?.hasAny(kinds) === true;
  }

  /** As `hasAny`, of its own fields alone. */
  ownHasAny(kinds: number): boolean {
    return (this.kinds & kinds) !== 0;
  }

  get method(): string {
    return this.ofKind(FieldKind.Method) ?? '';
  }
  get scheme(): string {
    return this.ofKind(FieldKind.Scheme) ?? '';
  }
  /** `:authority`, or `host` where a client sent only that (RFC 9113 section 8.3.1). */
  get authority(): string {
    return this.ofKind(FieldKind.Authority) ?? this.ofKind(FieldKind.Host) ?? '';
  }
  get path(): string {
    return this.ofKind(FieldKind.Path) ?? '';
  }
  /** `:status` as a number, or 0 where there is none. */
  get status(): number {
    if (this.statusMemo < 0) this.statusMemo = Number(this.ofKind(FieldKind.Status) ?? 0);
    return this.statusMemo;
  }
  /** The declared length in bytes, -1 where none is declared, NaN where it is no number. */
  get contentLength(): number {
    if (this.lengthMemo === unread) this.lengthMemo = Number(this.ofKind(FieldKind.ContentLength) ?? -1);
    return this.lengthMemo;
  }

  /** A gRPC message by its content type (gRPC over HTTP/2, "Requests"). */
  get isGrpc(): boolean {
    const type = this.ofKind(FieldKind.ContentType);
    return type !== undefined && isGrpcContentType(type);
  }

  /** RFC 9113 section 6.5.2: bytes of names and values plus 32 per field. */
  get listBytes(): number {
    if (this.bytesMemo >= 0) return this.bytesMemo;
    let bytes = this.base === null ? 0 : this.base.listBytes;
    for (const field of this.fields) bytes += field.size;
    this.bytesMemo = bytes;
    return bytes;
  }
}

/** `application/grpc`, alone or with `+proto`, `;…`; not `application/grpc-web`. */
export function isGrpcContentType(value: string): boolean {
  if (value === 'application/grpc') return true;
  if (!value.startsWith('application/grpc')) return false;
  const next = value.charCodeAt(16);
  return next === 0x2b || next === 0x3b;
}
