import { END_STREAM, type FrameWriter, Type } from './frames.ts';

interface Pending {
  readonly streamId: number;
  readonly body: Buffer;
  sent: number;
  window: number;
  readonly endFlag: number;
  readonly after: () => void;
}

const SETTINGS_HEADER_TABLE_SIZE = 1;
const SETTINGS_INITIAL_WINDOW_SIZE = 4;
const SETTINGS_MAX_FRAME_SIZE = 5;

/** Bodies within the peer's flow-control windows (RFC 9113 section 5.2) and its frame size. */
export class SendWindows {
  /** What the peer lets our encoder keep; 4096 until it says otherwise. */
  headerTableBytes = 4096;
  private readonly writer: FrameWriter;
  private connection = 65_535;
  private initial = 65_535;
  private frameMax = 16_384;
  private readonly pending = new Map<number, Pending>();
  /** Credit of streams whose body has not come up yet. */
  private readonly early = new Map<number, number>();

  constructor(writer: FrameWriter) {
    this.writer = writer;
  }

  /**
   * Sends a body, at once as far as the windows let it, and calls `after` behind its last byte. `bytes` may be
   * reused when this returns.
   */
  send(streamId: number, bytes: Buffer, start: number, end: number, last: boolean, after: () => void): void {
    const length = end - start;
    const endFlag = last ? END_STREAM : 0;
    if (length <= this.frameMax && length <= this.connection && length <= this.initial) {
      this.connection -= length;
      if (this.early.size > 0) this.early.delete(streamId);
      this.writer.frame(Type.Data, endFlag, streamId, bytes, start, end);
      after();
      return;
    }
    const window = this.initial + (this.early.get(streamId) ?? 0);
    this.early.delete(streamId);
    const body = Buffer.from(bytes.subarray(start, end));
    const pending = { streamId, body, sent: 0, window, endFlag, after };
    this.pending.set(streamId, pending);
    this.push(pending);
  }

  /** The stream is over. */
  forget(streamId: number): void {
    this.pending.delete(streamId);
    if (this.early.size > 0) this.early.delete(streamId);
  }

  onWindowUpdate(streamId: number, increment: number): void {
    if (streamId === 0) {
      this.connection += increment;
      for (const pending of this.pending.values()) this.push(pending);
      return;
    }
    const pending = this.pending.get(streamId);
    if (pending === undefined) {
      this.early.set(streamId, (this.early.get(streamId) ?? 0) + increment);
      return;
    }
    pending.window += increment;
    this.push(pending);
  }

  onSettings(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at + 6 <= end; at += 6) {
      const id = bytes.readUInt16BE(at);
      const value = bytes.readUInt32BE(at + 2);
      if (id === SETTINGS_HEADER_TABLE_SIZE) this.headerTableBytes = value;
      else if (id === SETTINGS_MAX_FRAME_SIZE) this.frameMax = value;
      else if (id === SETTINGS_INITIAL_WINDOW_SIZE) {
        for (const pending of this.pending.values()) pending.window += value - this.initial;
        this.initial = value;
        for (const pending of this.pending.values()) this.push(pending);
      }
    }
  }

  private push(pending: Pending): void {
    const { body, streamId } = pending;
    while (pending.sent < body.length) {
      const length = Math.min(body.length - pending.sent, this.frameMax, this.connection, pending.window);
      if (length <= 0) return;
      const start = pending.sent;
      pending.sent += length;
      this.connection -= length;
      pending.window -= length;
      const endFlag = pending.sent === body.length ? pending.endFlag : 0;
      this.writer.frame(Type.Data, endFlag, streamId, body, start, pending.sent);
    }
    this.pending.delete(streamId);
    pending.after();
  }
}
