import type { MessageStream, StreamReceiver } from '../core/message-stream.ts';
import type { StreamWait } from '../core/stream-wait.ts';

/** Why no stream was available. Nothing was sent, so the call is safe to retry on another endpoint. */
export interface OpenFailure {
  readonly code: 'connect_failed' | 'connect_timeout' | 'overloaded';
  /** A plain sentence: who and how. */
  readonly message: string;
}

/** Asks a pool for a stream and hears how it went: at once where a connection has room, else later. */
export interface StreamOpener extends StreamReceiver {
  /** IP address of the client; '' where unknown. */
  readonly clientAddress: string;
  /** HTTP/1.1 endpoints get the address of the client and the scheme in headers; false where the head says all of that. */
  readonly forwardsClient: boolean;
  /** The stream is there, with this opener as its receiver; `wait` is null where a connection had room at once. */
  opened(stream: MessageStream, wait: StreamWait | null): void;
  openFailed(failure: OpenFailure): void;
}

/** Streams to one endpoint, whatever protocol carries them. */
export interface StreamPool {
  /** Answers the opener exactly once, unless it is cancelled first. */
  open(opener: StreamOpener): void;
  /** The opener no longer needs a stream. Harmless when it has been answered. */
  cancel(opener: StreamOpener): void;
  /** Connections that are open. */
  readonly connections: number;
  /** Why a new connection is not even attempted now, '' when it would be. */
  readonly backingOff: string;
  /** The endpoint was seen alive: connect again at once. */
  resetBackoff(): void;
  /** Closes each connection once it is idle; the next call makes another. */
  retire(): void;
  /** The same for good; no more streams will be asked for. */
  drain(): void;
  /** Closes everything now. */
  close(): void;
}
