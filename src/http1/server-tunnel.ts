import { ErrorCode } from '../core/error-code.ts';
import type { StreamFailure } from '../core/message-stream.ts';
import type { OutputBuffer } from '../transport/output-buffer.ts';
import type { Tunnel, TunnelReceiver } from './tunnel.ts';

/** What a tunnel needs of its connection. */
export interface ServerTunnelHost {
  readonly out: OutputBuffer;
  /** Something was put into `out`. */
  written(): void;
  /** This side says nothing after what is in `out`. */
  saidLast(): void;
  /** The receiver has disposed of bytes: there may be room for more. */
  credited(): void;
  /** Breaks the connection once `out` has left. */
  abort(failure: StreamFailure | null): void;
}

const noBytes = new Uint8Array(0);

/** A connection that is no HTTP any more. */
export class ServerTunnel implements Tunnel {
  receiver: TunnelReceiver | null = null;
  private readonly host: ServerTunnelHost;
  private unconsumedBytes = 0;
  private unsentBytes = 0;
  private wroteLast = false;
  private readLast = false;
  private over = false;

  constructor(host: ServerTunnelHost) {
    this.host = host;
  }

  data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    if (this.over || this.wroteLast) return;
    this.host.out.append(bytes, start, end);
    this.unsentBytes += end - start;
    this.host.written();
    if (!last) return;
    this.wroteLast = true;
    this.host.saidLast();
  }

  consumed(bytes: number): void {
    this.unconsumedBytes -= bytes;
    if (!this.over) this.host.credited();
  }

  reset(_code: ErrorCode): void {
    if (this.over) return;
    this.over = true;
    this.host.abort(null);
  }

  /** How much more may be pushed, bytes. */
  roomWithin(windowBytes: number): number {
    return this.over ? windowBytes : windowBytes - this.unconsumedBytes;
  }

  /** Bytes of the client. */
  receive(bytes: Uint8Array, start: number, end: number): void {
    if (this.over) return;
    this.unconsumedBytes += end - start;
    this.receiver?.data(bytes, start, end, false);
  }

  /** The client's FIN. */
  peerEnded(): void {
    if (this.over || this.readLast) return;
    this.readLast = true;
    this.receiver?.data(noBytes, 0, 0, true);
  }

  /** The transport has taken what was written. */
  flushed(): void {
    const bytes = this.unsentBytes;
    this.unsentBytes = 0;
    if (bytes > 0 && !this.over) this.receiver?.sent(bytes);
  }

  /** The transport is gone. */
  lost(message: string): void {
    if (this.over) return;
    this.over = true;
    if (this.readLast && this.wroteLast) return;
    this.receiver?.failed({ kind: 'closed', code: ErrorCode.CANCEL, message });
  }
}
