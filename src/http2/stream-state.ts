/**
 * The states of a stream, RFC 9113 section 5.1. Push is never enabled here, so the reserved states do not occur.
 *
 *                +--------+
 *                |  idle  |
 *                +--------+
 *                    | send HEADERS (client) or receive HEADERS (server)
 *                    v
 *                +--------+
 *     send ES    |  open  |   receive ES
 *     .----------|        |------------.
 *     v          +--------+            v
 *  half-closed       |           half-closed
 *    (local)         | RST         (remote)
 *     |              v                 |
 *     | receive ES +--------+  send ES |
 *     '----------->| closed |<---------'
 *       or RST     +--------+    or RST
 *
 * A stream object exists from its HEADERS on: what is idle or closed is known from the ids a connection has seen.
 */
export const StreamState = { Open: 0, HalfClosedLocal: 1, HalfClosedRemote: 2, Closed: 3 } as const;
export type StreamState = (typeof StreamState)[keyof typeof StreamState];

/** After END_STREAM was sent. Sending twice is our own bug, so it is asserted. */
export function afterSendingEnd(state: StreamState): StreamState {
  if (state === StreamState.Open) return StreamState.HalfClosedLocal;
  if (state === StreamState.HalfClosedRemote) return StreamState.Closed;
  throw new Error(`END_STREAM sent in state ${state}`);
}

/** After END_STREAM was received; whether it may be received was checked before. */
export function afterReceivingEnd(state: StreamState): StreamState {
  return state === StreamState.Open ? StreamState.HalfClosedRemote : StreamState.Closed;
}

/** May the peer still send HEADERS or DATA? */
export function mayReceive(state: StreamState): boolean {
  return state === StreamState.Open || state === StreamState.HalfClosedLocal;
}

/** May we still send HEADERS or DATA? */
export function maySend(state: StreamState): boolean {
  return state === StreamState.Open || state === StreamState.HalfClosedRemote;
}
