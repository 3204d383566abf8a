import type { StreamFailure } from '../../core/message-stream.ts';
import type { AttemptRecord } from '../../telemetry/call-record.ts';
import type { Endpoint } from '../../upstream/endpoint.ts';

/**
 * What a call has used that did no work, and what it may still: never left goes around all endpoints, refused once more
 * (gRFC A6, "Transparent Retries"). Made with the first attempt that comes to nothing.
 */
export class TransparentRetries {
  /** Endpoints that are not to be asked again while there are others. */
  readonly usedEndpoints = new Set<Endpoint>();
  private refusals = 0;
  /** Attempts of which nothing had left when their connection went. */
  private unsent = 0;

  /** The latest attempt that came to nothing; null once another follows it. */
  private latest: AttemptRecord | null = null;

  /** Counts a failure after which no work was done; false when it is taken for the answer. */
  allow(kind: StreamFailure['kind'], endpointCount: number): boolean {
    // Refused once is bad luck; twice is an answer.
    if (kind === 'refused') return ++this.refusals <= 1;
    return ++this.unsent <= endpointCount + 1;
  }

  /**
   * What was refused or never sent may go to the only replica there is once more, on another connection; but once.
   * `attempts` is how many there were.
   */
  mayRepeat(attempts: number): boolean {
    return this.refusals + this.unsent > 0 && attempts === this.usedEndpoints.size;
  }

  /** Notes of an attempt that no other one follows it, as long as `followedBy` does not say otherwise. */
  cameToNothing(record: AttemptRecord): void {
    record.verdict = 'not retried at once: no other endpoint was available';
    this.latest = record;
  }

  /** Notes of the attempt that came to nothing where the call went next. */
  followedBy({ address }: Pick<Endpoint, 'address'>): void {
    const { latest } = this;
    if (latest === null) return;
    latest.verdict = `retried on ${latest.endpoint === address ? 'the same' : 'another'} endpoint: the endpoint did not process the request`;
    this.latest = null;
  }
}

/** Attempts of one call, all reasons together: each is remembered with the call, in lists, log lines and spans. */
export const callAttemptsMax = 100;

/** Why a call that no endpoint began is not sent to another one; '' where it may be. */
export function transparentRetryDenial(replayable: boolean, attempts: number): string {
  if (!replayable) return 'not retried on another endpoint: the request is larger than the replay buffer';
  return attempts < callAttemptsMax
    ? ''
    : `not retried on another endpoint: a request has at most ${callAttemptsMax} attempts`;
}
