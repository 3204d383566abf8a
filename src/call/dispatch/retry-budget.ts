export interface RetryBudgetSettings {
  /** Retries in flight at the most, in percent of the calls in flight. */
  readonly percent: number;
  /** This many retries may be in flight however few calls there are. */
  readonly min: number;
}

/**
 * What one route may add to the load of its replicas: retries and hedges in flight as a part of its calls in flight
 * (Envoy's `retry_budget`, Linkerd's idea). When everything fails, load grows by a fifth and not to a multiple.
 *
 * A retry counts from the decision on, back-off included, until its own verdict is there; a stream that a retry
 * established does not count for as long as it lives.
 */
export class RetryBudget {
  calls = 0;
  retries = 0;
  private readonly settings: RetryBudgetSettings;

  constructor(settings: RetryBudgetSettings) {
    this.settings = settings;
  }

  /** Retries that may be in flight now. */
  get max(): number {
    return Math.max(this.settings.min, Math.floor((this.calls * this.settings.percent) / 100));
  }

  take(): boolean {
    if (this.retries >= this.max) return false;
    this.retries++;
    return true;
  }

  give(): void {
    this.retries--;
  }
}
