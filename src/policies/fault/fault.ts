import type { Random } from '../../core/random.ts';

export interface FaultSettings {
  readonly delay: { readonly percent: number; readonly ms: number } | null;
  readonly abort: {
    readonly percent: number;
    /** What gRPC and what HTTP clients get; null for the usual status of the error. */
    readonly grpcStatus: number | null;
    readonly httpStatus: number | null;
  } | null;
}

/** Faults that a route injects, so that its clients can be tested against it. */
export class Fault {
  readonly settings: FaultSettings;
  private readonly random: Random;

  constructor(settings: FaultSettings, random: Random) {
    this.settings = settings;
    this.random = random;
  }

  /** Milliseconds to hold up this call, 0 for not at all. */
  drawDelayMs(): number {
    const { delay } = this.settings;
    return delay !== null && this.hits(delay.percent) ? delay.ms : 0;
  }

  drawAbort(): boolean {
    const { abort } = this.settings;
    return abort !== null && this.hits(abort.percent);
  }

  private hits(percent: number): boolean {
    return this.random.next() * 100 < percent;
  }
}
