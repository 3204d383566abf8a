import { ByteKey, latin1 } from '../core/bytes.ts';
import { type FieldKind, kindOfName } from '../core/field.ts';

/** What a line of a head is to the message: where it goes, and what it decides. */
export const LineRole = {
  /** A request line or a status line. */
  Start: 0,
  /** A field that goes on to the next hop and decides nothing here. */
  Ordinary: 1,
  Host: 2,
  ContentLength: 3,
  TransferEncoding: 4,
  Connection: 5,
  Upgrade: 6,
  Expect: 7,
  KeepAlive: 8,
  /** A field that ends at this hop and decides nothing. */
  Dropped: 9,
} as const;
export type LineRole = (typeof LineRole)[keyof typeof LineRole];

/** RFC 9110 section 7.6.1 names the fields that end at this hop. */
const roles: ReadonlyMap<string, LineRole> = new Map<string, LineRole>([
  ['host', LineRole.Host],
  ['content-length', LineRole.ContentLength],
  ['transfer-encoding', LineRole.TransferEncoding],
  ['connection', LineRole.Connection],
  ['upgrade', LineRole.Upgrade],
  ['expect', LineRole.Expect],
  ['keep-alive', LineRole.KeepAlive],
  ['proxy-connection', LineRole.Dropped],
  ['te', LineRole.Dropped],
  ['http2-settings', LineRole.Dropped],
]);

/** A field name from the wire. */
export interface HeadName {
  /** Lower case. */
  readonly name: string;
  /** See `kindOfName`. */
  readonly kind: FieldKind | undefined;
  readonly role: LineRole;
  /** As it was spelled. */
  readonly wire: ByteKey;
}

/** The name that stands from `start` to `end`, which are token bytes (RFC 9110 section 5.6.2). */
export function headName(bytes: Uint8Array, start: number, end: number): HeadName {
  const name = latin1(bytes, start, end).toLowerCase();
  return {
    name,
    kind: kindOfName(name),
    role: roles.get(name) ?? LineRole.Ordinary,
    wire: new ByteKey(bytes, start, end),
  };
}
