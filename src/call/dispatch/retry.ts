import type { AttemptKind } from '../../telemetry/call-record.ts';
import { endAtDeadline } from '../attempt-endings.ts';
import type { RetryPolicy } from './attempt-policy.ts';
import { BufferedDispatcher } from './buffered.ts';
import type { BufferedAttempt } from './buffered-attempt.ts';
import type { DispatchedCall, NewDispatcher } from './dispatcher.ts';
import { retryBackoffMs } from './retry-backoff.ts';

/** Makes the dispatchers of a route with `retry`. */
export function retryDispatcher(policy: RetryPolicy): NewDispatcher {
  return (call) => new RetryDispatcher(call, policy);
}

/** Makes another attempt after one that failed or took too long (gRFC A6, "Retry Policy"): one at a time, with pauses. */
class RetryDispatcher extends BufferedDispatcher<RetryPolicy> {
  constructor(call: DispatchedCall, policy: RetryPolicy) {
    super(call, policy, policy.on);
  }

  protected override pauseMs(): number {
    return retryBackoffMs(this.policy.backoff, this.backoffs, this.policy.random);
  }

  /** What failed may succeed at the same endpoint. */
  protected override mayRepeat(kind: AttemptKind): boolean {
    return kind === 'retry';
  }

  protected override onBegin(attempt: BufferedAttempt): void {
    const { perTryTimeoutMs } = this.policy;
    if (perTryTimeoutMs === Number.POSITIVE_INFINITY) return;
    attempt.timer = this.call.clock.after(perTryTimeoutMs, () => this.onPerTryTimeout(attempt));
  }

  private onPerTryTimeout(attempt: BufferedAttempt): void {
    const { perTryTimeoutMs } = this.policy;
    const { record, endpoint } = attempt;
    const mayHaveProcessed = attempt.stream !== null;
    endAtDeadline(attempt, this.call, false, record.startedMs + perTryTimeoutMs, this.call.clock.now());
    record.error = 'per_try_timeout';
    const detail = `endpoint ${endpoint.address} did not start a reply within ${perTryTimeoutMs} ms (perTryTimeout)`;
    record.message = detail;
    const error = { code: 'deadline_exceeded', detail, mayHaveProcessed } as const;
    this.timedOut(attempt, error, `no reply within ${perTryTimeoutMs} ms`);
  }
}
