import type { Socket } from 'node:net';
import type { HeaderBlock } from '../core/header-block.ts';
import { type BindingDeps, SocketBinding } from '../transport/socket-binding.ts';
import { Http2Connection } from './connection.ts';
import type { ConnectionError } from './connection-core.ts';
import type { ConnectionOptions } from './options.ts';
import type { Http2Stream } from './stream.ts';

/** Hears of a bound connection; all but `stream` may be left out. */
export interface Http2Listener {
  stream?(stream: Http2Stream, head: HeaderBlock, end: boolean): void;
  oversize?(stream: Http2Stream, head: HeaderBlock): void;
  ready?(): void;
  capacity?(): void;
  goaway?(): void;
  /** Once, when the connection is of no more use; streams have failed by then. */
  ended(error: ConnectionError | null): void;
}

/** Ties an HTTP/2 connection to a socket. */
export function bindHttp2(
  socket: Socket,
  role: 'client' | 'server',
  options: ConnectionOptions,
  deps: BindingDeps,
  listener: Http2Listener,
): Http2Binding {
  const peer = role === 'client' ? 'server' : 'client';
  return new SocketBinding(
    socket,
    peer,
    deps,
    (host) =>
      new Http2Connection(role, options, {
        stream: (stream, head, end) => listener.stream?.(stream, head, end),
        oversize: (stream, head) => listener.oversize?.(stream, head),
        ready: () => listener.ready?.(),
        capacity: () => listener.capacity?.(),
        goaway: () => listener.goaway?.(),
        ended: (error) => {
          host.ended(error === null);
          // Notified last: whatever comes of it, the socket is seen to.
          listener.ended(error);
        },
        written: () => host.written(),
      }),
  );
}

export type Http2Binding = SocketBinding<Http2Connection>;
