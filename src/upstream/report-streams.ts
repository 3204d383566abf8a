import type { Clock, Timer } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Random } from '../core/random.ts';
import type { Endpoint } from './endpoint.ts';
import { ReportStream } from './report-stream.ts';

export interface ReportStreamsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** A report asked for every so often, milliseconds. */
  readonly periodMs: number;
  /** The endpoints of the cluster now. */
  all(): readonly Endpoint[];
  /** `:authority` of requests to an endpoint. */
  authority(endpoint: Endpoint): string;
  /** A message that should be the load report of an endpoint. */
  onReport(message: Uint8Array, endpoint: Endpoint): void;
}

/** How often the streams are checked, milliseconds: so long after a new endpoint is usable its stream is opened, at the latest. */
const checkMs = 500;

/** The streams of load reports of a cluster, one for each endpoint, with one timer for all of them. */
export class ReportStreams {
  readonly periodMs: number;
  private readonly deps: ReportStreamsDeps;
  private timer: Timer;
  private hasLoggedRefusal = false;

  constructor(deps: ReportStreamsDeps) {
    this.deps = deps;
    this.periodMs = deps.periodMs;
    this.timer = this.schedule();
  }

  /** Ends every stream. */
  stop(): void {
    this.timer.cancel();
    for (const endpoint of this.deps.all()) {
      endpoint.reportStream?.stop();
      endpoint.reportStream = null;
    }
  }

  private schedule(): Timer {
    const { clock } = this.deps;
    return clock.after(checkMs, () => {
      this.timer = this.schedule();
      const nowMs = clock.now();
      for (const endpoint of this.deps.all()) {
        endpoint.reportStream ??= this.newStream(endpoint);
        endpoint.reportStream.check(nowMs);
      }
    });
  }

  private newStream(endpoint: Endpoint): ReportStream {
    const { clock, random, periodMs } = this.deps;
    return new ReportStream(endpoint, {
      clock,
      random,
      periodMs,
      authority: this.deps.authority(endpoint),
      onReport: (message) => this.deps.onReport(message, endpoint),
      onRefused: (reason) => this.logRefusal(endpoint, reason),
    });
  }

  /** Once: the endpoints of a cluster run the same program, as a rule, and `/clusters` shows each of them. */
  private logRefusal({ address }: Endpoint, reason: string): void {
    if (this.hasLoggedRefusal) return;
    this.hasLoggedRefusal = true;
    this.deps.logger.warn(
      'an endpoint does not stream load reports; Outrigger uses those in its replies, if any; remove loadReports.outOfBand if no endpoint streams them',
      { endpoint: address, reason },
    );
  }
}
