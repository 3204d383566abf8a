import { readSync } from 'node:fs';
import { Socket } from 'node:net';
import { type OnRead, sharedRead } from './shared-read.ts';

/** Bytes that are read at most of a connection on which a write has failed. */
const lastBytesMax = 1_048_576;
const blockBytes = 65_536;

/**
 * A cleartext socket that reads what its peer had sent before a write failed. A server that answers early (413) and closes
 * resets the connection as soon as more of the request arrives. The kernel keeps the reply, but Node closes a socket at the
 * first failed write, and the reply would be lost with it in most cases (RFC 9112 section 9.5).
 */
export class PersistentSocket extends Socket {
  private readonly onRead: OnRead;

  constructor(onRead: OnRead) {
    super({ onread: sharedRead(onRead) } as ConstructorParameters<typeof Socket>[0]);
    this.onRead = onRead;
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (isWriteError(error)) this.readLastBytes();
    super._destroy(error, callback);
  }

  /** Nothing more can arrive: what is there now is all. */
  private readLastBytes(): void {
    const { _handle: handle } = this as unknown as { _handle: { readonly fd?: number } | null };
    const fd = handle?.fd ?? -1;
    if (fd < 0) return;
    const block = Buffer.allocUnsafe(blockBytes);
    for (let bytes = 0; bytes < lastBytesMax; ) {
      const length = readBlock(fd, block);
      if (length === 0) return;
      bytes += length;
      this.onRead(block, length);
    }
  }
}

function isWriteError(error: Error | null): boolean {
  const { syscall, code } = (error ?? {}) as NodeJS.ErrnoException;
  return syscall === 'write' && (code === 'EPIPE' || code === 'ECONNRESET');
}

/** Returns 0 where there is nothing to read, for whatever reason. */
function readBlock(fd: number, block: Buffer): number {
  try {
    return readSync(fd, block, 0, block.length, null);
  } catch {
    return 0;
  }
}
