import type { Socket } from 'node:net';

/** `PRI`: no HTTP/1.1 method begins so (RFC 9113 section 3.4 reserves it), and three bytes tell it from PUT. */
const http2Start = Buffer.from('PRI', 'latin1');

/** The content type of a TLS handshake record (RFC 8446 section 5.1), with which no HTTP begins. */
const tlsHandshake = 0x16;

/** Whether a client speaks TLS where none is configured: its ClientHello comes first. */
export function isClientHello(first: Buffer): boolean {
  return first[0] === tlsHandshake;
}

export type Sniffed = 'http2' | 'http1';

/**
 * Distinguishes HTTP/2 with prior knowledge from HTTP/1.1 by the first bytes of a connection. Calls back once with what was
 * read, with the socket paused; never, when the client goes before.
 */
export function sniffProtocol(socket: Socket, onKnown: (protocol: Sniffed, first: Buffer) => void): void {
  let first: Buffer = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    first = first.length === 0 ? chunk : Buffer.concat([first, chunk]);
    const known = Math.min(first.length, http2Start.length);
    const http2 = first.compare(http2Start, 0, known, 0, known) === 0;
    if (http2 && known < http2Start.length) return;
    socket.off('data', onData);
    socket.off('end', onEnd);
    socket.pause();
    onKnown(http2 ? 'http2' : 'http1', first);
  };
  // The socket may be half-open; a client that has said nothing is owed nothing (port scans, TCP health checks).
  const onEnd = (): void => void socket.destroy();
  socket.on('data', onData);
  socket.on('end', onEnd);
}
