import type { Seam } from '../core/internal-errors.ts';
import type { OutputBuffer } from './output-buffer.ts';

/**
 * A protocol without I/O, as the socket that carries it sees it: `receive` takes bytes, `out` holds bytes to send, and the
 * engine tells its host what it needs. It knows no socket and no clock.
 */
export interface Engine {
  /** What it says; the binding hands it to the socket, once per event-loop turn. */
  readonly out: OutputBuffer;
  /** Where its exceptions are counted. */
  readonly seam: Seam;
  /** Nothing more will be read or said. */
  readonly over: boolean;
  /** Was what came in this turn more than a little work? */
  readonly busy: boolean;
  /** False while it has no room for more input: the binding stops reading until `EngineHost.readable`. */
  readonly readyForInput: boolean;
  /** Says what comes first on a connection; before the first `receive`. */
  start(): void;
  /**
   * Bytes from the peer; `nowMs` is the time of the read. Nothing of `bytes` is kept. Never throws for input. Returns where
   * it stopped: before `end` when they are more work than a turn has room for; the rest is to be given again once others
   * had their turn. `sameTurn` when they have not had it since the last time.
   */
  receive(bytes: Uint8Array, start: number, end: number, nowMs: number, sameTurn: boolean): number;
  /** The peer's FIN: it sends nothing more. */
  peerEnded(): void;
  /** What is in `out` is about to be handed to the transport: of what is written from here on the host is to be told. */
  beginFlush(): void;
  /** What was written has been handed to the transport, and `out` is free: more may follow. */
  flushed(): void;
  /** The transport takes more, or not for now. */
  setTransportReady(ready: boolean): void;
  /** The transport is gone; `message` says how. */
  transportClosed(message: string): void;
  /** An exception of our own was thrown in the middle of who knows what: ends with whatever the peer can still be told. */
  crashed(message: string): void;
}

/** What an engine tells its binding. */
export interface EngineHost {
  /** Something is to be flushed: told once, until `beginFlush`. */
  written(): void;
  /** So much is to be flushed that waiting for more gains nothing: hands it to the transport before it returns, where that takes it. */
  flush(): void;
  /** There is room for input again: `readyForInput` was false and is true. */
  readable(): void;
  /** Over: flush what is written, then close the transport. `inGoodOrder`: nothing went wrong, and the peer may be slow. */
  ended(inGoodOrder: boolean): void;
  /** Over: flush what is written, then break the transport, so that the peer cannot take what it has for whole. */
  aborted(): void;
}
