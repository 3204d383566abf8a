/**
 * What the report concludes. `uneven_by_policy`: shares differ from the weights because the balancing policy follows latency,
 * load or a key, as it should. `changing`: endpoints or weights changed a moment ago. The last three cannot be judged.
 */
export type Verdict =
  | 'balanced'
  | 'uneven'
  | 'uneven_by_policy'
  | 'changing'
  | 'too_few_requests'
  | 'single_endpoint'
  | 'no_endpoint';

/** An endpoint whose share of the attempts stands out. */
export interface ShareExtreme {
  readonly endpoint: string;
  /** Its share of the attempts divided by its share of the weight; 1 is as configured. */
  readonly shareOverWeight: number;
}

/** How evenly one cluster is balanced, over the last ten seconds or since its endpoints last changed. */
export interface BalanceReport {
  readonly verdict: Verdict;
  /** The verdict with its reason, as one sentence without the cluster's name. */
  readonly text: string;
  /** Milliseconds that the report covers. */
  readonly windowMs: number;
  /** Attempts in that time at the endpoints that are usable now. */
  readonly attempts: number;
  /** Mean attempts in flight per weight: the busiest endpoint divided by the mean; null without attempts in flight. */
  readonly activeMaxOverMean: number | null;
  /** The endpoints with most and with least attempts for their weight; null if there were no attempts. */
  readonly highest: ShareExtreme | null;
  readonly lowest: ShareExtreme | null;
  /** Attempts per request that ended; 1 without retries, null if no request ended. */
  readonly retryAmplification: number | null;
  readonly streamWait: {
    /** Requests that wait for a stream or a connection now. */
    readonly waiting: number;
    /** Requests that got a stream after a wait because every connection carried as many as it may. */
    readonly atLimit: number;
    /** How long these waited on average, milliseconds; null if there were none. */
    readonly meanMs: number | null;
  };
  readonly fairShare: {
    /** Endpoints that became usable and have not got their share yet. */
    readonly waiting: readonly { readonly endpoint: string; readonly sinceMs: number }[];
    /** Milliseconds that the last endpoint took to get its share; null if there was none. */
    readonly lastMs: number | null;
  };
}
