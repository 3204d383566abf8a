import { open } from 'node:fs/promises';
import type { Result } from '../../core/result.ts';

/** Tokens, certificates and kubeconfigs are smaller. */
const fileBytesMax = 1 << 20;
const chunkBytes = 16_384;

/** Reads a small text file. Never rejects. */
export async function readText(path: string): Promise<Result<string>> {
  try {
    const file = await open(path, 'r');
    try {
      const chunks: Buffer[] = [];
      for (let bytes = 0; ; ) {
        const chunk = Buffer.allocUnsafe(chunkBytes);
        const { bytesRead } = await file.read(chunk, 0, chunkBytes);
        if (bytesRead === 0) return { value: Buffer.concat(chunks).toString() };
        bytes += bytesRead;
        if (bytes > fileBytesMax) return { error: `${path} is larger than ${fileBytesMax} bytes` };
        chunks.push(chunk.subarray(0, bytesRead));
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    return { error: code === 'ENOENT' ? `${path} does not exist` : `${path} cannot be read (${code})` };
  }
}
