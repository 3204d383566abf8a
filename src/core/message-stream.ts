import type { ErrorCode } from './error-code.ts';
import type { HeaderBlock } from './header-block.ts';

/**
 * The one narrow interface between the two sides of a call. A stream is one HTTP request and its reply, whatever
 * carries it (our HTTP/2 engine, HTTP/1.1 at either end, a pair in memory). Everything is pushed; nothing is a
 * promise or a node stream, because one of those per call and per chunk is what makes the simple way slow.
 *
 * Bytes given to `data` belong to the caller again when the method returns: whoever keeps them copies them.
 */

/** Receives one direction of a message. */
export interface MessageSink {
  /** The header section; `end` when no body and no trailers follow. Interim replies go to `interim`. */
  head(head: HeaderBlock, end: boolean): void;
  /**
   * An interim reply, before `head`: any number of them, `:status` 100 to 199 except 101 (RFC 9110 section 15.2). A sink
   * without this method ignores them.
   */
  interim?(head: HeaderBlock): void;
  /** Bytes `start` to `end` of `bytes`; `last` ends the message. May be empty when `last`. */
  data(bytes: Uint8Array, start: number, end: number, last: boolean): void;
  /** The trailer section; ends the message. */
  trailers(trailers: HeaderBlock): void;
}

/**
 * What happens to a stream that its owner must hear of. The peer's message ends with exactly one of: a `last` or
 * `end`, `trailers`, or `failed`.
 */
export interface StreamReceiver extends MessageSink {
  /** The stream is over before both messages were: a reset by the peer, a lost connection, a refusal. */
  failed(failure: StreamFailure): void;
  /**
   * Bytes that this side had queued with `data` left for the peer. Pass the number on to the other side's
   * `consumed`: that is the whole of back-pressure.
   */
  sent(bytes: number): void;
}

/** One end of an HTTP exchange: a sink for what this side says, credit for what it has read, and a way to stop. */
export interface MessageStream extends MessageSink {
  /** Who hears what the peer says. Set before the first event; may be set again between events. */
  receiver: StreamReceiver | null;
  /**
   * Bytes of a header section that the peer takes, counted as `HeaderBlock.listBytes` (RFC 9113 section 6.5.2). Infinity, or
   * not there, for no limit that is known. A larger one must not be sent.
   */
  readonly headListBytesMax?: number;
  /**
   * The connection takes no further stream, and ends when those that it has do: whoever holds a stream without an end of its own
   * should go to another connection. Not there where the stream is all that its connection carries.
   */
  readonly isRetiring?: boolean;
  /** The peer takes requests with `:protocol` (RFC 8441 section 3); not there where it does not. */
  readonly takesExtendedConnect?: boolean;
  /**
   * The peer is a client that waits for the interim reply 100 (Continue) before it sends its body (RFC 9110 section 10.1.1).
   * Whoever wants the body gives it that reply with `interim`; any other reply comes instead of it.
   */
  readonly expectsContinue?: boolean;
  /** This side has disposed of this many bytes that were pushed to `receiver.data`; the peer may send as many more. */
  consumed(bytes: number): void;
  /**
   * Ends the exchange now. Bytes not yet sent are dropped and never reported as `sent`. The receiver hears nothing
   * more. A second call, or one after the end, does nothing.
   */
  reset(code: ErrorCode): void;
}

/** Why a stream ended early, whose doing it was and whether another attempt is safe. */
export interface StreamFailure {
  readonly kind:
    | 'unsent' // nothing of it left this process: another attempt is safe, any number of times
    | 'reset' // the peer sent RST_STREAM `code`
    | 'refused' // the peer says it did not process it: REFUSED_STREAM, or GOAWAY with a lower last stream id
    | 'closed' // the connection was lost; `code` is that of the peer's GOAWAY, NO_ERROR for none, STREAM_CLOSED in HTTP/1.1
    | 'protocol' // the peer broke the protocol; `code` is what we answered with
    | 'unsendable' // what this side said cannot be sent to this peer: its protocol has no form for it
    | 'internal'; // an error of this process ended it
  readonly code: ErrorCode;
  /** A plain sentence for logs and replies. */
  readonly message: string;
}

/** A server side hands each request to this; the handler sets `stream.receiver` before it returns. */
export type StreamHandler = (stream: MessageStream, head: HeaderBlock, end: boolean) => void;
