import { Socket, type SocketConstructorOpts } from 'node:net';

/** Hears what a socket read: the first `length` bytes of `bytes`, which are used again for the next read. */
export type OnRead = (bytes: Buffer, length: number) => void;

/**
 * What every cleartext connection reads into: a read is dealt with before the next one begins. A buffer for each read
 * costs an allocation, which the collector counts as 64 KiB of garbage however little was read: 10 µs a call at c1 m1,
 * and half of the time for large bodies. Whoever is handed it keeps nothing of it.
 */
const readBuffer = Buffer.allocUnsafeSlow(65_536);

/** The `onread` option of a socket that is yet to connect. */
export function sharedRead(onRead: OnRead): { buffer: Buffer; callback: (length: number) => boolean } {
  const callback = (length: number): boolean => {
    onRead(readBuffer, length);
    return true;
  };
  return { buffer: readBuffer, callback };
}

/**
 * An accepted socket made to read like that: another socket object over the same connection. There is no public way to
 * it; this one is that of node:cluster, and where it is closed the socket comes back as it is, and says `data`.
 *
 * Nothing may wait in `socket` to be read or written. It is closed when the other is, for the sake of those who listen to
 * it, and is of no more use for anything else.
 */
export function readShared(socket: Socket, onRead: OnRead): Socket {
  const accepted = socket as unknown as { _handle: { useUserBuffer?: unknown } | null };
  const handle = accepted._handle;
  if (typeof handle?.useUserBuffer !== 'function') return socket;
  accepted._handle = null;
  const options = { handle, allowHalfOpen: true, onread: sharedRead(onRead) };
  const reader = new Socket(options as unknown as SocketConstructorOpts);
  reader.once('close', () => socket.destroy());
  socket.once('close', () => reader.destroy());
  return reader;
}
