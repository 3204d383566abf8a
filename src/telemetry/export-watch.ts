import { connectionErrorText } from '../core/connection-error.ts';
import type { Logger } from '../core/logger.ts';
import { maskUrls } from '../core/secret-keys.ts';

/**
 * What became of what was to be exported. A collector that is down is one line in the log when that begins and one
 * when it ends, with the count of what was lost between; the totals are metrics.
 */
export class ExportWatch {
  exported = 0;
  /** Refused or not taken in time by the collector. */
  failed = 0;
  /** Never offered to it: the queue was full. */
  dropped = 0;
  private failing = false;
  private full = false;
  private lostBefore = 0;
  private readonly signal: string;
  private readonly target: string;
  private readonly logger: Logger;

  /** `signal` is what is exported, in the plural; `target` is where to, for the log. */
  constructor(signal: 'spans' | 'metrics', target: string, logger: Logger) {
    this.signal = signal;
    this.target = maskUrls(target);
    this.logger = logger;
  }

  succeeded(count: number): void {
    this.exported += count;
    if (!this.failing && !this.full) return;
    const lost = this.failed + this.dropped - this.lostBefore;
    this.failing = false;
    this.full = false;
    this.logger.info(`the collector accepts ${this.signal} again`, { collector: this.target, lost });
  }

  failure(count: number, error: unknown): void {
    this.begin();
    this.failed += count;
    if (this.failing) return;
    this.failing = true;
    this.logger.warn(
      `the collector does not accept ${this.signal}; requests continue, and what cannot be sent is lost`,
      {
        collector: this.target,
        reason: maskUrls(reasonOf(error)),
      },
    );
  }

  overflow(count: number): void {
    this.begin();
    this.dropped += count;
    if (this.full || this.failing) return;
    this.full = true;
    this.logger.warn(
      `more ${this.signal} are produced than the collector accepts; sample fewer requests or raise OTEL_BSP_MAX_QUEUE_SIZE`,
      { collector: this.target },
    );
  }

  private begin(): void {
    if (!this.failing && !this.full) this.lostBefore = this.failed + this.dropped;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error ?? 'unknown');
  const { code } = error as { code?: unknown };
  // A refused connection to a name with several addresses is an AggregateError without words of its own.
  if (error.message === '') return code === undefined ? error.name : String(code);
  return connectionErrorText(error, 'server');
}
