import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** What is used of Node's handles: those of the TLS layer and of the connection below it. */
interface TlsHandle {
  /** False where the TLS layer has been paused. */
  readonly reading?: boolean;
  readonly _parent?: { readStart?: () => number; readStop?: () => number };
}

/**
 * Calls `onTruncation` where a TLS connection ends without close_notify: then nobody knows whether the peer or somebody on
 * the way ended it (RFC 8446 section 6.1, RFC 9112 section 9.8). It is called before `end` of the socket.
 *
 * Node does not say which of both it was: the stream ends with close_notify, or else with the FIN of TCP. When it ends by
 * close_notify the connection below is still being read, and starting to read it again fails with EALREADY.
 */
export function watchTruncation(socket: Socket, onTruncation: () => void): void {
  if (!(socket instanceof TLSSocket)) return;
  const push = socket.push;
  socket.push = (chunk, encoding) => {
    if (chunk === null && isTruncated(socket)) onTruncation();
    return push.call(socket, chunk, encoding);
  };
}

function isTruncated(socket: TLSSocket): boolean {
  const { _handle: handle } = socket as unknown as { _handle: TlsHandle | null };
  // A FIN is not seen while nothing is read.
  if (handle === null || handle.reading === false) return false;
  const below = handle._parent;
  if (below?.readStart === undefined) return false;
  if (below.readStart() !== 0) return false;
  below.readStop?.();
  return true;
}
