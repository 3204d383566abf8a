import { statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Config } from '../config/table.ts';
import type { Clock, Timer } from '../core/clock.ts';

/** Every file that TLS sections name, and that of the admin token. */
export function tlsFilesOf({ admin, listeners, clusters }: Config): string[] {
  const files: Array<string | undefined> = [];
  for (const { tls } of listeners) files.push(tls?.cert, tls?.key, tls?.clientCa);
  files.push(admin.tls?.cert, admin.tls?.key, admin.tls?.clientCa, admin.tokenFile);
  for (const { tls } of clusters) files.push(tls?.cert, tls?.key, tls?.ca);
  return files.filter((file) => file !== undefined);
}

/**
 * Polls files and reports when one has changed and stayed the same for one poll: whoever writes in place is
 * given the time to finish. It polls instead of listening: events of the file system are lost on network file systems, and
 * what a Kubernetes volume does (a link to a folder is replaced, two links away) gives none for the file itself.
 */
export class FileWatch {
  private readonly files: () => readonly string[];
  private readonly intervalMs: number;
  private readonly clock: Clock;
  private readonly onChange: () => void;
  private timer: Timer | null = null;
  private stopped = false;
  /** The states at the last report and at the last poll. */
  private reported: string;
  private seen: string;

  constructor(files: () => readonly string[], intervalMs: number, clock: Clock, onChange: () => void) {
    this.files = files;
    this.intervalMs = intervalMs;
    this.clock = clock;
    this.onChange = onChange;
    this.reported = files()
      .map((file) => stateOf(statSync(file, { bigint: true, throwIfNoEntry: false })))
      .join();
    this.seen = this.reported;
    this.scheduleCheck();
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
  }

  private scheduleCheck(): void {
    this.timer = this.clock.after(this.intervalMs, () => void this.check());
  }

  private async check(): Promise<void> {
    const states = this.files().map((file) => stat(file, { bigint: true }).then(stateOf, () => 'none'));
    const now = (await Promise.all(states)).join();
    if (this.stopped) return;
    if (now === this.seen && now !== this.reported) {
      this.reported = now;
      this.onChange();
    }
    this.seen = now;
    this.scheduleCheck();
  }
}

function stateOf(found: { ino: bigint; size: bigint; mtimeNs: bigint } | undefined): string {
  return found === undefined ? 'none' : `${found.ino}:${found.size}:${found.mtimeNs}`;
}
