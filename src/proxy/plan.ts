import type { Clock } from '../core/clock.ts';
import type { Router } from '../routing/router.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { ReplayBudget } from './replay-buffer.ts';

/** What a route does with a call, worked out when the configuration was loaded. Frozen. */
export interface RoutePlan {
  readonly route: string;
  readonly cluster: Cluster;
  /** Upper bound on a call's duration, milliseconds; infinity for none. `grpc-timeout` counts as well. */
  readonly timeoutMs: number;
}

/** What every call of a listener shares. A reload makes a new one; calls that began on the old finish on it. */
export interface ProxyContext {
  readonly listener: string;
  readonly router: Router<RoutePlan>;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly replayBudget: ReplayBudget;
  readonly calls: CallCounter;
}

/** Calls in flight of one listener, and a way to end those that outlast a drain. */
export class CallCounter {
  private readonly calls = new Set<Cuttable>();
  /** Calls that ended. */
  ended = 0;
  /** Told when the last call in flight has ended. */
  onIdle: (() => void) | null = null;

  get active(): number {
    return this.calls.size;
  }
  begin(call: Cuttable): void {
    this.calls.add(call);
  }
  end(call: Cuttable): void {
    if (!this.calls.delete(call)) return;
    this.ended++;
    if (this.calls.size === 0) this.onIdle?.();
  }
  /** Ends what is left with `draining`; returns how many there were. */
  cutAll(): number {
    const left = [...this.calls];
    for (const call of left) call.cut();
    return left.length;
  }
}

export interface Cuttable {
  cut(): void;
}
