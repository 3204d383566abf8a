import { HpackEncoder } from '../../../src/http2/hpack/encoder.ts';
import { OutputBuffer } from '../../../src/transport/output-buffer.ts';
import { frameBytes } from '../reference/frames.ts';
import { headFrom, requestHeads, responseHeads, trailerHeads } from './heads.ts';

/** Bytes of one record of a script. */
export const recordBytes = 8;

const settingIds = [1, 2, 3, 4, 5, 6, 8, 9, 0, 0xffff];
const settingValues = [
  0, 1, 100, 4096, 16_383, 16_384, 16_777_215, 16_777_216, 65_535, 65_536, 0x7fff_ffff, 0x8000_0000,
  0xffff_ffff,
];
const increments = [0, 1, 100, 32_768, 65_535, 65_536, 1_000_000, 0x7fff_ffff, 0x7fff_0000, 0x8000_0001];
const lastIds = [0, 1, 3, 99, 0x7fff_ffff];

/** Frames that one record may repeat, and bytes that may wait to be delivered: floods, but not for ever. */
const repeatsMax = 128;
const pendingBytesMax = 40_000;

export const FrameOp = { names: 16 } as const;

/**
 * A peer that says what a script tells it, well-formed or not: each record is a frame, made by our own encoder where it has
 * a header section, or a change of what was said last and has not been delivered.
 */
export class ScriptedPeer {
  pending: Buffer = Buffer.alloc(0);
  /** Streams that this peer has opened, or may speak on. */
  readonly ids: number[] = [];
  private readonly client: boolean;
  private readonly encoder = new HpackEncoder();
  private nextId = 1;
  private lastAt = 0;
  private payload: Buffer = Buffer.alloc(0);
  private cut: { id: number; rest: Buffer } | null = null;

  constructor(client: boolean) {
    this.client = client;
  }

  say(bytes: Buffer): void {
    if (this.pending.length + bytes.length > pendingBytesMax) return;
    this.lastAt = this.pending.length;
    this.pending = Buffer.concat([this.pending, bytes]);
  }

  frame(type: number, flags: number, id: number, payload: Uint8Array): void {
    this.say(frameBytes(type, flags, id, payload));
  }

  /** Takes everything that waits. */
  take(): Buffer {
    const taken = this.pending;
    this.pending = Buffer.alloc(0);
    this.lastAt = 0;
    return taken;
  }

  /** One record; `op` is below `FrameOp.names`. */
  step(op: number, record: Uint8Array): void {
    const [, a, b, c, d, e, f, g] = record;
    const word = ((d << 24) | (e << 16) | (f << 8) | g) >>> 0;
    const id = this.idOf(a, b);
    switch (op) {
      case 0:
        return this.headers(a, b, c, d, e, f);
      case 1:
        return this.data(id, c, d, (e << 8) | f);
      case 2:
        return this.frame(
          8,
          0,
          a % 4 === 3 ? 0 : id,
          u32(c === 255 ? word : increments[c % increments.length]),
        );
      case 3:
        return this.settings(a, b, c, word);
      case 4:
        return this.frame(6, a & 1, 0, Buffer.concat([u32(word), u32(word)]));
      case 5:
        return this.frame(3, 0, id, u32(c === 255 ? word : c % 15));
      case 6:
        return this.frame(
          7,
          0,
          0,
          Buffer.concat([u32(a === 255 ? word : lastIds[a % lastIds.length]), u32(b % 15), this.payload]),
        );
      case 7:
        return this.frame(2, 0, id, Buffer.concat([u32(c === 255 ? id : word), Buffer.of(b)]));
      case 8:
        return this.continuation(a, b);
      case 9:
        return this.frame(a, b, this.idOf(c, d), this.payload);
      case 10:
        this.payload = Buffer.concat([
          (a & 0x80) === 0 ? this.payload : Buffer.alloc(0),
          record.subarray(2, 2 + (a % 7)),
        ]);
        return;
      case 11:
        return this.say(Buffer.from(record.subarray(2, 2 + (a % 7))));
      case 12:
        return this.spoil(a, (b << 8) | c, d);
      case 13:
        return this.repeat(a);
      case 14:
        return this.frame(4, 1, 0, Buffer.alloc(0));
      default:
        return this.frame(9 - (a % 10), b, id, Buffer.alloc(c % 64, d));
    }
  }

  /** A stream by what is open, what comes next, or at all. */
  idOf(a: number, b: number): number {
    const { ids } = this;
    if (a < 160 && ids.length > 0) return ids[ids.length - 1 - (b % ids.length)];
    if (a < 200) return this.nextId;
    return a < 230 ? b : ((a << 24) | b) >>> 0;
  }

  private headers(a: number, b: number, c: number, d: number, e: number, f: number): void {
    let id = this.idOf(a, b);
    const fresh = this.client && (a < 128 || this.ids.length === 0);
    if (fresh) {
      id = this.nextId;
      this.nextId += 2;
      this.ids.push(id);
    }
    const trailers = (c & 0x40) !== 0 && (c & 1) === 1;
    const templates = trailers ? trailerHeads : this.client ? requestHeads : responseHeads;
    const out = new OutputBuffer();
    this.encoder.encode(headFrom(templates, d, e, f), out);
    const block = Buffer.from(out.bytes.subarray(0, out.length));
    const padding = (c & 8) === 0 ? null : (f % 8) + ((c & 0x10) === 0 ? 0 : 250);
    const priority =
      (c & 0x20) === 0 ? Buffer.alloc(0) : Buffer.concat([u32(e === 255 ? id : 0), Buffer.of(b)]);
    // The rest of a section that is cut in two waits for a CONTINUATION.
    const cut = (c & 2) !== 0 ? block.length >> 1 : block.length;
    this.cut = cut < block.length ? { id, rest: block.subarray(cut) } : null;
    this.frame(
      1,
      (c & 0x29) | (cut === block.length ? 4 : 0),
      id,
      padded(padding, priority, block.subarray(0, cut)),
    );
  }

  private continuation(a: number, b: number): void {
    if (this.cut === null) return this.frame(9, a & 4, this.idOf(a, b), this.payload);
    const { id, rest } = this.cut;
    const count = (a & 1) === 0 ? rest.length : Math.min(rest.length, b);
    this.cut = count < rest.length ? { id, rest: rest.subarray(count) } : null;
    this.frame(9, this.cut === null ? 4 : 0, id, rest.subarray(0, count));
  }

  private data(id: number, flags: number, padding: number, length: number): void {
    const bytes = Buffer.alloc(length % 16_500, 0x64);
    const padBytes = (flags & 8) === 0 ? null : padding;
    this.frame(0, flags & 0x9, id, padded(padBytes, Buffer.alloc(0), bytes));
  }

  private settings(a: number, b: number, c: number, word: number): void {
    const parameters = Array.from({ length: 1 + (a % 3) }, (_, i) => {
      const id = Buffer.alloc(2);
      id.writeUInt16BE(settingIds[(b + i * 3) % settingIds.length]);
      return Buffer.concat([id, u32(c === 255 ? word : settingValues[(c + i) % settingValues.length])]);
    });
    this.frame(4, 0, 0, Buffer.concat(parameters));
  }

  /** Changes what was said last: a byte, its length field, its end. */
  private spoil(how: number, at: number, value: number): void {
    const last = this.pending.subarray(this.lastAt);
    if (last.length === 0) return;
    const head = this.pending.subarray(0, this.lastAt);
    const changed = Buffer.from(last);
    if (how % 4 === 0) changed[at % changed.length] = value;
    else if (how % 4 === 1) changed[at % changed.length] ^= 1 << (value % 8);
    else if (how % 4 === 2) changed[at % Math.min(9, changed.length)] = value;
    this.pending = Buffer.concat([head, how % 4 === 3 ? changed.subarray(0, at % changed.length) : changed]);
  }

  private repeat(times: number): void {
    const last = Buffer.from(this.pending.subarray(this.lastAt));
    const count = Math.min(times, repeatsMax, Math.floor(pendingBytesMax / Math.max(last.length, 1)));
    const at = this.lastAt;
    if (last.length > 0) this.say(Buffer.concat(new Array(count).fill(last)));
    this.lastAt = at;
  }
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

function padded(padding: number | null, fields: Buffer, content: Buffer): Buffer {
  if (padding === null) return Buffer.concat([fields, content]);
  return Buffer.concat([Buffer.of(padding), fields, content, Buffer.alloc(padding)]);
}
