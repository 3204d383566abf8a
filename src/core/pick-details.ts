/** Why an endpoint was picked, as data: for `/explain`. */
export interface PickDetails {
  /** The endpoints of the cluster at the moment of the pick, in the order of the cluster. */
  readonly candidates: readonly PickCandidate[];
  /** Endpoints of the cluster that are missing from `candidates`, because the cluster has more than are kept. */
  readonly candidatesLeftOut: number;
  /**
   * False where so many calls followed the pick that the requests in flight at that moment are known only for the endpoints
   * that the balancer compared last.
   */
  readonly hasActive: boolean;
  /** The endpoints that the balancer drew at random, in the order of the draws; empty where it compared all of them. */
  readonly draws: readonly string[];
}

/** One endpoint of the cluster at the moment of a pick. */
export interface PickCandidate {
  readonly address: string;
  /** Requests in flight before this one; null where that is no longer known. */
  readonly active: number | null;
  /** After slow start; what the balancer compares with. */
  readonly weight: number;
  readonly zone: string;
  readonly priority: number;
  /** `healthy`, `unhealthy` or `unknown`. */
  readonly health: string;
  /** Why it could not be picked; '' for an endpoint that could. */
  readonly unusable: string;
}
