import { Duplex } from 'node:stream';
import { ErrorCode } from '../core/error-code.ts';
import type { StreamFailure, StreamReceiver } from '../core/message-stream.ts';
import type { Tunnel } from './tunnel.ts';

/**
 * A tunnel as node's libraries use one: the bytes of a connection behind an HTTP/1.1 handshake, or of the stream of an extended
 * CONNECT (RFC 8441 section 5). What is read gives the peer its credit back, and a write is over when its bytes have left, so
 * that back-pressure goes through. Destroying it before both sides have ended resets the tunnel.
 */
export class TunnelDuplex extends Duplex implements StreamReceiver {
  private readonly tunnel: Tunnel;
  /** Bytes that were pushed and are not yet consumed. */
  private unconsumed = 0;
  /** Bytes of the current write that have not left. */
  private unsent = 0;
  private written: ((error?: Error | null) => void) | null = null;
  private lost = false;

  constructor(tunnel: Tunnel) {
    super({ allowHalfOpen: true });
    this.tunnel = tunnel;
    tunnel.receiver = this;
  }

  head(): void {
    // That of a request came with the stream, and whoever opens a stream listens for the reply first.
  }

  data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    const length = end - start;
    if (length > 0) {
      this.unconsumed += length;
      if (this.push(Buffer.from(bytes.subarray(start, end)))) this.consume();
    }
    if (last) this.push(null);
  }

  /** The end of the stream; no trailers go with a WebSocket. */
  trailers(): void {
    this.push(null);
  }

  failed(failure: StreamFailure): void {
    this.lost = true;
    this.destroy(Object.assign(new Error(failure.message), { code: 'ECONNRESET' }));
  }

  sent(bytes: number): void {
    this.unsent -= bytes;
    if (this.unsent <= 0) this.writeOver();
  }

  // http2-proxy sets these on the sockets it is given; a tunnel has nothing like them.
  setTimeout(): void {}
  setNoDelay(): void {}
  setKeepAlive(): void {}

  override _read(): void {
    this.consume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.unsent += chunk.length;
    this.written = done;
    this.tunnel.data(chunk, 0, chunk.length, false);
  }

  override _final(done: () => void): void {
    this.tunnel.data(nothing, 0, 0, true);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.lost) this.tunnel.reset(ErrorCode.CANCEL);
    this.written = null;
    done(error);
  }

  private writeOver(): void {
    const { written } = this;
    this.written = null;
    written?.();
  }

  private consume(): void {
    const bytes = this.unconsumed;
    this.unconsumed = 0;
    if (bytes > 0 && !this.destroyed) this.tunnel.consumed(bytes);
  }
}

const nothing = new Uint8Array(0);
