/** How a stream to an endpoint became available where an attempt had to wait for one. Times are `Clock.now()` milliseconds. */
export interface StreamWait {
  /** When the connection that carries the stream was dialled, and when it was ready; before the wait where it had no room. */
  readonly dialedMs: number;
  readonly readyMs: number;
  /** When the stream was available. */
  readonly endedMs: number;
}
