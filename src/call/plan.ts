import type { Clock } from '../core/clock.ts';
import type { MemoryPressure } from '../core/memory-pressure.ts';
import type { Router } from '../routing/router.ts';
import type { CallRecord, RoutesOfCall } from '../telemetry/call-record.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { CallIds } from './call-ids.ts';
import type { ReplayBudget } from './replay-buffer.ts';
import type { RequestWatch } from './request-watch.ts';
import type { RoutePlan } from './route-plan.ts';

/** What every call of a listener shares. A reload makes a new one; calls that began on the old finish on it. */
export interface ProxyContext {
  readonly listener: string;
  readonly router: Router<RoutePlan>;
  /** The same routes as they were configured, for whoever asks why one of them took a call; null for TCP and UDP. */
  readonly routes: RoutesOfCall | null;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly replayBudget: ReplayBudget;
  readonly memory: MemoryPressure;
  readonly calls: CallCounter;
  readonly ids: CallIds;
  readonly watch: RequestWatch;
  /** Where a listener with `protocol: tcp` or `udp` leads; null for any other listener. */
  readonly passthrough: RoutePlan | null;
}

/**
 * Calls in flight of one listener, and a way to end those that outlast a drain.
 *
 * A list through the calls themselves, not a Set: each time a Set of short-lived objects grows again, its old table stays
 * in the old generation with its dead calls, and keeps whatever they hold alive until the next full collection. Measured
 * at c10 m10: 9.5 µs a call with a Set, 6.6 without.
 */
export class CallCounter {
  private first: Abortable | null = null;
  active = 0;
  /** Calls that ended. */
  ended = 0;

  begin(call: Abortable): void {
    this.active++;
    call.counted = true;
    call.nextCall = this.first;
    if (this.first !== null) this.first.previousCall = call;
    this.first = call;
  }

  /** Harmless for a call that has ended. */
  end(call: Abortable): void {
    if (!call.counted) return;
    call.counted = false;
    const { previousCall, nextCall } = call;
    if (previousCall === null) this.first = nextCall;
    else previousCall.nextCall = nextCall;
    if (nextCall !== null) nextCall.previousCall = previousCall;
    // A dead call that points to a living one would hold it in the same way.
    call.previousCall = null;
    call.nextCall = null;
    this.active--;
    this.ended++;
  }

  /** Returns the records of the calls in flight, the newest first, `max` at the most. */
  records(max = Number.POSITIVE_INFINITY): CallRecord[] {
    const records: CallRecord[] = [];
    for (let call = this.first; call !== null && records.length < max; call = call.nextCall)
      records.push(call.record);
    return records;
  }

  /** Whether one of them may still acquire an endpoint of the cluster. */
  anyMayReach(cluster: Cluster): boolean {
    for (let call = this.first; call !== null; call = call.nextCall) if (call.mayReach(cluster)) return true;
    return false;
  }

  /** Ends what is left with `draining`; returns how many there were. */
  abortAll(): number {
    let aborted = 0;
    for (let call = this.first; call !== null; call = this.first) {
      call.abort();
      aborted++;
      // A call that does not end when it is aborted must not hold up the others.
      this.end(call);
    }
    return aborted;
  }
}

/** A call as its listener counts it. `counted` and the links belong to `CallCounter`. */
export interface Abortable {
  readonly record: CallRecord;
  counted: boolean;
  previousCall: Abortable | null;
  nextCall: Abortable | null;
  abort(): void;
  /** Whether the call may still acquire an endpoint of the cluster. */
  mayReach(cluster: Cluster): boolean;
}
