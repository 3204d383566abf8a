import type { HeaderBlock } from '../core/header-block.ts';

/**
 * What the parser of HTTP/1.1 (RFC 9112) and its serialiser exchange with the two ends of a connection. Field names are lower
 * case in blocks; names and values are "binary" strings, as everywhere (`Field`).
 */

/** Where the body of a message ends (RFC 9112 section 6.3). */
export type Framing =
  | 'none' // there is no body, not even an empty one
  | 'length' // after `MessageHead.bodyBytes` bytes
  | 'chunked'
  | 'close'; // where the connection ends; replies only

/** The head of a request or of a reply, checked. */
export interface MessageHead {
  /**
   * `:method`, `:scheme`, `:authority` and `:path` of a request or `:status` of a reply, then the end-to-end fields in their order.
   * Fields that end at this hop are not there: `connection`, what that nominates, `transfer-encoding`, `upgrade`, `expect` and so on.
   * The same object for a head whose bytes came before (`HeaderBlock.repeated`).
   */
  readonly block: HeaderBlock;
  /** The minor version of the message: 0 for HTTP/1.0, 1 for HTTP/1.1. */
  readonly minorVersion: 0 | 1;
  readonly framing: Framing;
  /** Bytes of the body with `length`, 0 with `none`, else -1. */
  readonly bodyBytes: number;
  /** The sender keeps the connection open after this exchange (RFC 9112 section 9.3). */
  readonly keepAlive: boolean;
  /** Request: it has a body and waits for 100 (Continue) before it sends it (RFC 9110 section 10.1.1). */
  readonly expectsContinue: boolean;
  /**
   * Request: it is a WebSocket handshake (RFC 6455 section 4.1): GET, HTTP/1.1, no body, `connection: upgrade`, `upgrade: websocket`.
   * Reply: it is a 101 to one. What follows the head is no HTTP.
   */
  readonly websocket: boolean;
  /** Reply: seconds that `keep-alive: timeout=` promises, or -1. */
  readonly keepAliveSeconds: number;
  /** Reply: the reason phrase, '' where it is the usual one of the status or empty. */
  readonly reasonPhrase: string;
}

/** Why bytes are refused. */
export interface MessageError {
  /** What a client is answered with; of no meaning for replies. */
  readonly status: 400 | 405 | 408 | 413 | 414 | 417 | 431 | 501 | 505;
  /** A name for counters: lower case with underscores, from a fixed list. */
  readonly reason: MessageErrorReason;
  /** The words after "the client sent " or "the endpoint sent ", such as `two content-length fields that differ`. */
  readonly words: string;
  /** Place of the byte in the connection, from 0. */
  readonly offset: number;
}

export const messageErrorReasons = [
  'start_line',
  'method',
  'target',
  'version',
  'host',
  'field',
  'content_length',
  'transfer_encoding',
  'chunk',
  'trailers',
  'expectation',
  'too_large',
  'status',
  'interim_flood',
  'surplus',
  'incomplete',
  'timeout',
] as const;
export type MessageErrorReason = (typeof messageErrorReasons)[number];

/** Hears the parser; called from `receive` and `peerEnded`. The methods may call the parser's `pause` and nothing else. */
export interface MessageListener {
  /** A head. An interim reply (1xx but 101) is one too: it has no body, and the head of the reply still follows. */
  head(head: MessageHead): void;
  /** Bytes `start` to `end` of `bytes` belong to the body, without chunk framing; never empty. */
  data(bytes: Uint8Array, start: number, end: number): void;
  /** The message is whole; `trailers` are those that may be passed on, null for none. */
  end(trailers: HeaderBlock | null): void;
  /** The bytes are refused; the parser takes no more. */
  failed(error: MessageError): void;
}

export interface ParserLimits {
  /** Bytes of the start line and the field section together. */
  readonly headBytesMax: number;
  /** Fields of one section; above it the head is `too_large`. */
  readonly fieldsMax: number;
  /** Bytes of chunk extensions of one message. */
  readonly chunkExtensionBytesMax: number;
}
