import type { Clock, Timer } from '../core/clock.ts';
import type { EndpointState, StateLetter } from './deps.ts';

/** Five minutes. */
export const statePointsMax = 60;
export const stateIntervalMs = 5_000;
/** Endpoints that are remembered; the page shows no more of them. */
export const stateEndpointsMax = 500;

interface Lane {
  /** One letter for each reading, oldest first. */
  letters: string;
  /** `letters` as `timeline` returns them; '' until it is asked. A page asks every second, and the letters change every five. */
  timeline: string;
  /** The number of the reading that saw it last. */
  seenAt: number;
}

/**
 * Remembers the state of each endpoint over the last minutes, a letter for each reading, so that the page shows when an endpoint was
 * unhealthy or ejected. Reads a letter for each endpoint every `stateIntervalMs`, and keeps 60 bytes of each.
 */
export class StateHistory {
  private readonly clock: Clock;
  private readonly read: () => Iterable<EndpointState>;
  private readonly lanes = new Map<string, Lane>();
  private readings = 0;
  private timer: Timer;

  /** `read` may throw: that reading is left out. */
  constructor(clock: Clock, read: () => Iterable<EndpointState>) {
    this.clock = clock;
    this.read = read;
    this.timer = clock.after(0, () => this.tick());
  }

  /**
   * Returns the states of an endpoint, oldest first, as letters with how often each follows itself: `h40e3h17`. '' where the
   * endpoint is not known.
   */
  timeline(cluster: string, address: string): string {
    const lane = this.lanes.get(keyOf(cluster, address));
    if (lane === undefined) return '';
    if (lane.timeline === '')
      lane.timeline = lane.letters.replace(/(.)\1*/g, (run, letter) => `${letter}${run.length}`);
    return lane.timeline;
  }

  close(): void {
    this.timer.cancel();
  }

  private tick(): void {
    this.timer = this.clock.after(stateIntervalMs, () => this.tick());
    this.readings++;
    try {
      for (const { cluster, address, state } of this.read()) this.add(keyOf(cluster, address), state);
    } catch {
      // Whoever asks for /clusters gets the reason.
      return;
    }
    for (const [key, { seenAt }] of this.lanes) if (seenAt !== this.readings) this.lanes.delete(key);
  }

  private add(key: string, state: StateLetter): void {
    const lane = this.lanes.get(key);
    if (lane !== undefined) {
      lane.letters = (lane.letters + state).slice(-statePointsMax);
      lane.timeline = '';
      lane.seenAt = this.readings;
    } else if (this.lanes.size < stateEndpointsMax)
      this.lanes.set(key, { letters: state, timeline: '', seenAt: this.readings });
  }
}

/** Names of clusters have no line feed. */
function keyOf(cluster: string, address: string): string {
  return `${cluster}\n${address}`;
}
