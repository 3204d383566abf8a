import type { Trouble } from '../../balance-sim/scenario.ts';

/** What the bench sends to the process of the replicas before each run. */
export interface RunBegins {
  readonly workers: number;
  readonly troubles: readonly Trouble[];
  /** What the times of the troubles count from, milliseconds since the epoch. */
  readonly zeroMs: number;
}

/** What that process sends once its replicas listen. */
export interface ReplicasReady {
  readonly ports: readonly number[];
}

/** Request header: how long a worker has to sleep, milliseconds. */
export const workHeader = 'x-work-ms';
/** Reply header: the number of the replica. */
export const replicaHeader = 'x-replica';

/** `grpc-status` of a call that the replica did, and of one that it failed. */
export const okStatus = '0';
export const failedStatus = '14'; // UNAVAILABLE
