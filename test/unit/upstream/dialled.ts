import type { Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { FramePeer } from '../../support/frame-peer.ts';

/** A connection that a pool asked for, in memory; the test decides what becomes of it. */
export interface Dialled {
  /** The server's end speaks HTTP/2, with these SETTINGS. */
  accept(settings?: ReadonlyArray<readonly [number, number]>): FramePeer;
  /** It says something else. */
  say(bytes: string): void;
  /** As a refused connection, or one that broke; `code` is the system's. */
  fail(message: string, code?: string): void;
  /** The pool let it go. */
  readonly closed: boolean;
}

/** In the place of `dial`; keeps what was asked for. */
export function memoryDial(): { readonly dial: () => Socket; readonly dialled: Dialled[] } {
  const dialled: Dialled[] = [];
  const dial = (): Socket => {
    const [near, far] = duplexPair();
    const peerEnd = asSocket(far);
    peerEnd.on('error', () => {});
    dialled.push({
      accept: (settings = []) => new FramePeer(peerEnd, 'server', settings),
      say: (bytes) => void peerEnd.write(bytes),
      fail: (message, code) =>
        void near.destroy(Object.assign(new Error(message), code === undefined ? {} : { code })),
      get closed() {
        return near.destroyed || near.writableEnded;
      },
    });
    return asSocket(near);
  };
  return { dial, dialled };
}

function asSocket(duplex: Duplex): Socket {
  return Object.assign(duplex, { setNoDelay() {} }) as unknown as Socket;
}

/** Lets what is on its way in memory arrive. */
export async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
