import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PushedLists } from '../../config/pushed.ts';

/**
 * Certificates and keys that a control plane sends as text, as the files that TLS reads. Nobody but this user may read them. Where no file
 * can be written, nothing is there to be read, and the check of the configuration says so.
 */
export class PemStore {
  private folder: string | null = null;
  private readonly paths = new Map<string, string>();

  /** Returns the path of a file with this text: the same one for the same text. */
  readonly store = (text: string, part: 'cert' | 'key' | 'ca'): string => {
    const name = `${part}-${createHash('sha256').update(text).digest('hex').slice(0, 32)}.pem`;
    const known = this.paths.get(name);
    if (known !== undefined) return known;
    try {
      this.folder ??= mkdtempSync(join(tmpdir(), 'outrigger-xds-'));
      const path = join(this.folder, name);
      writeFileSync(path, text, { mode: 0o600 });
      this.paths.set(name, path);
      return path;
    } catch {
      return join(this.folder ?? tmpdir(), name);
    }
  };

  /** Removes the files that none of these lists names. Those of a secret that was replaced are not left on the disk. */
  keep(lists: readonly PushedLists[]): void {
    if (this.paths.size === 0) return;
    const text = JSON.stringify(lists);
    for (const [name, path] of this.paths) {
      if (text.includes(name)) continue;
      this.paths.delete(name);
      rmSync(path, { force: true });
    }
  }

  /** Removes all files. */
  close(): void {
    if (this.folder !== null) rmSync(this.folder, { recursive: true, force: true });
    this.folder = null;
    this.paths.clear();
  }
}
