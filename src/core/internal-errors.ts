import type { Logger } from './logger.ts';

/** Where an exception of our own was caught. */
export const seams = ['http2', 'http1', 'tcp', 'udp', 'accept', 'elsewhere'] as const;
export type Seam = (typeof seams)[number];

/**
 * Exceptions of our own code, of which there should be none. They are caught where a socket calls us, so that one
 * connection pays for a bug and not every call of the process. Tests and simulations of parts do without, and fail by them.
 */
export class InternalErrors {
  private readonly logger: Logger;
  private readonly counts = new Map<Seam, number>();

  /** `logger` should be rate-limited: a bug that many calls hit is logged once, not each time. */
  constructor(logger: Logger) {
    this.logger = logger;
  }

  /** This many were caught there. */
  count(seam: Seam): number {
    return this.counts.get(seam) ?? 0;
  }

  caught(seam: Seam, error: unknown): void {
    this.counts.set(seam, this.count(seam) + 1);
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.logger.error(
      'internal error: Outrigger terminated the affected request or connection; please report this bug',
      { seam, stack },
    );
  }
}

/** Runs something for a socket: when it throws, that socket alone is destroyed. Throws on where nobody counts. */
export function contain(
  errors: InternalErrors | undefined,
  seam: Seam,
  socket: { destroy(): unknown } | null,
  run: () => void,
): void {
  try {
    run();
  } catch (error) {
    if (errors === undefined) throw error;
    errors.caught(seam, error);
    socket?.destroy();
  }
}
