import { closeSync, openSync, readSync } from 'node:fs';
import type { Result } from '../core/result.ts';

/** Reads a file, or says in words why not. */
export type ReadFile = (path: string, bytesMax: number) => Result<Buffer>;

const chunkBytes = 65_536;

/** Reads a file of at most `bytesMax` bytes; a pipe (`--config <(…)`) will do. Never throws. */
export const readFileBounded: ReadFile = (path, bytesMax) => {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    const chunks: Buffer[] = [];
    let bytes = 0;
    for (;;) {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      const count = readSync(descriptor, chunk, 0, chunkBytes, null);
      if (count === 0) return { value: Buffer.concat(chunks) };
      bytes += count;
      if (bytes > bytesMax) return { error: `is larger than ${bytesMax} bytes; write a smaller file` };
      chunks.push(chunk.subarray(0, count));
    }
  } catch (error) {
    return { error: reasonOf(error) };
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
};

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist; write the path of a file that does',
  EACCES: 'may not be read by this user; change its permissions or the user',
  EPERM: 'may not be read by this user; change its permissions or the user',
  EISDIR: 'is a directory; write the path of a file',
  ENOTDIR: 'does not exist: part of its path is no directory; write the path of a file',
  ENAMETOOLONG: 'is too long for a path; write the path of a file',
  ELOOP: 'is a symbolic link that leads in a circle; write the path of a file',
};

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ERR_INVALID_ARG_VALUE') return 'is not a path; write the path of a file';
  return reasons[code ?? ''] ?? `cannot be read: ${message}`;
}

/** The text of a file, which must be UTF-8; a byte order mark is dropped. */
export function textOf(bytes: Buffer): Result<string> {
  try {
    return { value: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { error: 'is not text in UTF-8; save it as such' };
  }
}
