import { BufferBudget } from './buffer-budget.ts';
import { frameBytesDefault } from './frame.ts';
import { HpackCaches } from './hpack/caches.ts';

/** The limits of one connection; every one bounds memory or work that a peer could ask for. */
export interface ConnectionOptions {
  /** Streams a peer may have open at once; more are refused (SETTINGS_MAX_CONCURRENT_STREAMS). */
  readonly maxConcurrentStreams: number;
  /** First window of a stream, bytes (SETTINGS_INITIAL_WINDOW_SIZE). */
  readonly streamWindowBytes: number;
  /** What a stream's window may grow to while its data is taken promptly, bytes. */
  readonly streamWindowBytesMax: number;
  /** Window of the connection, bytes; credit is returned on receipt. */
  readonly connectionWindowBytes: number;
  /** Server role: received bytes not yet passed on, over all streams; above it the connection's credit is held back. */
  readonly bufferedBytesMax: number;
  /** Largest frame we accept, bytes (SETTINGS_MAX_FRAME_SIZE). */
  readonly frameBytesMax: number;
  /** Decoded header section, bytes with 32 per field (SETTINGS_MAX_HEADER_LIST_SIZE). */
  readonly headerListBytesMax: number;
  /** Headers of one message, cookie crumbs included. */
  readonly headerFieldsMax: number;
  /** HPACK table we keep for the peer, bytes (SETTINGS_HEADER_TABLE_SIZE). */
  readonly headerTableBytesMax: number;
  /** CONTINUATION frames after one HEADERS (CVE-2024-27316). */
  readonly continuationsMax: number;
  /** Points of the glitch counter before the connection is closed, and how fast they are forgiven. */
  readonly glitchesMax: number;
  readonly glitchesLeakPerSecond: number;
  /** Control frames (PING, WINDOW_UPDATE, RST_STREAM, PRIORITY, …) beyond ten for each frame of a message. */
  readonly controlFramesMax: number;
  /** Streams a client may take back early, beyond as many that it did not; 100 a second are forgiven. */
  readonly earlyResetsMax: number;
  /**
   * Streams that are begun in one turn before `receive` returns; 16 frames, or 256 bytes of a header section, count as much
   * as one. 2^25, more than a read can be, for callers that never handle a rest.
   */
  readonly streamsPerTurnMax: number;
  /** What waits in streams for the other side to take it, over all connections that share this. */
  readonly budget: BufferBudget;
  /** What the HPACK decoders of all connections that share this remember together. */
  readonly hpackCaches: HpackCaches;
}

export const connectionDefaults: ConnectionOptions = {
  maxConcurrentStreams: 1024,
  streamWindowBytes: 65_536,
  streamWindowBytesMax: 1_048_576,
  connectionWindowBytes: 1_048_576,
  bufferedBytesMax: 16_777_216,
  frameBytesMax: frameBytesDefault,
  headerListBytesMax: 61_440,
  headerFieldsMax: 100,
  headerTableBytesMax: 4096,
  continuationsMax: 16,
  glitchesMax: 2000,
  glitchesLeakPerSecond: 500,
  controlFramesMax: 1000,
  earlyResetsMax: 250,
  streamsPerTurnMax: 2 ** 25,
  budget: new BufferBudget(Number.POSITIVE_INFINITY),
  hpackCaches: new HpackCaches(),
};
