import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
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

/** Why a file cannot be written, or made where it is not there yet; undefined where it can. Never throws. */
export function checkWritable(path: string): string | undefined {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory()) return 'this is a directory; write the path of a file';
    if (found !== undefined) {
      accessSync(path, constants.W_OK);
      return undefined;
    }
    const folder = dirname(path);
    if (statSync(folder, { throwIfNoEntry: false }) === undefined)
      return `the folder ${JSON.stringify(folder)} does not exist; create it, or write a path in one that exists`;
    accessSync(folder, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM')
      return 'this user may not write it; change the permissions, or write another path';
    if (code === 'EROFS') return 'its file system is read-only; write another path';
    if (code === 'ENOTDIR') return 'part of its path is not a folder; write another path';
    return `it cannot be written (${code ?? message}); write another path`;
  }
}

/** The text of a file, which must be UTF-8; a byte order mark is dropped. */
export function textOf(bytes: Buffer): Result<string> {
  try {
    return { value: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { error: 'is not text in UTF-8; save it as such' };
  }
}
