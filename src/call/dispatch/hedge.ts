import type { AttemptKind } from '../../telemetry/call-record.ts';
import type { HedgePolicy } from './attempt-policy.ts';
import { BufferedDispatcher } from './buffered.ts';
import type { DispatchedCall, NewDispatcher } from './dispatcher.ts';

/** Makes the dispatchers of a route with `hedge`. */
export function hedgeDispatcher(policy: HedgePolicy): NewDispatcher {
  return (call) => new HedgeDispatcher(call, policy);
}

/** Makes another attempt beside those that run, each time the delay is over (gRFC A6, "Hedging Policy"). */
class HedgeDispatcher extends BufferedDispatcher<HedgePolicy> {
  constructor(call: DispatchedCall, policy: HedgePolicy) {
    super(call, policy, policy.nonFatal);
  }

  /** A hedge that failed is followed by the next one at once (gRFC A6). */
  protected override pauseMs(): number {
    return 0;
  }

  /** A second attempt at the same endpoint makes sense only where no other attempt runs. */
  protected override mayRepeat(kind: AttemptKind): boolean {
    return kind === 'hedge' && this.running.length === 0;
  }

  protected override onBegin(): void {
    const { attemptsMax, delayMs } = this.policy;
    // The next attempt may be scheduled already, and begins sooner.
    if (this.attemptsBegun < attemptsMax && this.state !== 'scheduled')
      this.after(delayMs, () => this.maybeHedge());
  }
}
