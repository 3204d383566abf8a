/**
 * Whether failures that the request may have caused are the endpoint's. One such failure does not say; what tells is a
 * comparison. Where a client sends requests that no replica takes, all replicas that get them fail. Where a replica is
 * broken, it fails everything, while others do well with the requests of the same clients at the same time.
 *
 * So an endpoint stands out when it had `unclearFailuresMin` unclear failures without a success between them, while at least
 * one other endpoint had `witnessSuccessesMin` successes and next to no unclear failure, and as many of the others did well
 * as did not. With two replicas and half of the calls bad, chance alone gives such a picture once in a million calls.
 *
 * A client that can choose the endpoint, by a key or a cookie, has time for ten bad requests between two good ones of other
 * clients. So the endpoint must have been without a success for `silentGaps` times as long as usual, too (`SuccessGaps`): while
 * other clients are served as before, nothing that this one sends makes it stand out. Where traffic is as usual and the endpoint
 * fails all of it, as many failures have come by then.
 */

/** Consecutive unclear failures of an endpoint before it can stand out. */
export const unclearFailuresMin = 10;
/** Successes of another endpoint meanwhile. */
const witnessSuccessesMin = 10;
/** A witness may have one unclear failure for this many successes: ordinary errors of an application. */
const witnessSuccessesPerFailure = 16;
/** Other endpoints that an endpoint is compared with. */
const witnessesMax = 8;
/** The other endpoints are compared from this consecutive failure on: single errors cost nothing. */
const watchFrom = 3;
/** After this many failures the comparison begins again where no witness is of use: idle, or with failures of its own. */
const watchAgainAfter = 32;

/** As many times as long as usual an endpoint is without a success before it can stand out. */
const silentGaps = 16;
/** Successes that the usual gap is taken from, roughly. */
const gapsAveraged = 32;
/** Longer gaps count as this, milliseconds: what was idle for a night is not to be trusted for an hour. */
const gapMsMax = 2000;

/** How long an endpoint is without a success, usually. */
export class SuccessGaps {
  private latestMs: number;
  /** Begins at nothing: an endpoint that has hardly succeeded has little to show for itself. */
  private averageMs = 0;

  constructor(nowMs: number) {
    this.latestMs = nowMs;
  }

  /** An attempt succeeded. */
  succeeded(nowMs: number): void {
    this.averageMs += (Math.min(nowMs - this.latestMs, gapMsMax) - this.averageMs) / gapsAveraged;
    this.latestMs = nowMs;
  }

  /** Whether the latest success is much longer ago than usual. */
  isSilent(nowMs: number): boolean {
    return this.isLong(nowMs - this.latestMs, silentGaps);
  }

  /** Returns whether a time without a success is at least `gaps` times as long as usual. */
  isLong(withoutMs: number, gaps: number): boolean {
    return withoutMs >= gaps * this.averageMs;
  }
}

/** What is counted of an endpoint. */
export interface Compared {
  /** Attempts that ended well, ever. */
  readonly success: number;
  /** Unclear failures, ever. */
  unclear: number;
  /** Since the latest success; null where there was no unclear failure since. */
  suspicion: Suspicion | null;
}

interface Witness {
  readonly endpoint: Compared;
  readonly success: number;
  readonly unclear: number;
}

/**
 * Whom an endpoint can be compared with: those that have had attempts. Those after it in the list come first, so that not all
 * endpoints of a large cluster are compared with the same few.
 */
export function othersWithAttempts<T extends Compared & { readonly total: number }>(
  all: readonly T[],
  endpoint: T,
): T[] {
  const at = all.indexOf(endpoint);
  return [...all.slice(at + 1), ...all.slice(0, Math.max(0, at))].filter(({ total }) => total > 0);
}

/** The unclear failures of one endpoint since its latest success. */
export class Suspicion {
  private failures = 0;
  private standsOut = false;
  private witnesses: readonly Witness[] = [];

  /**
   * Counts one more. Returns how many failures now count against the endpoint: all at once when it is found to stand out.
   * `silent`: see `SuccessGaps.isSilent`.
   */
  add(others: () => Iterable<Compared>, silent: boolean): number {
    this.failures++;
    if (this.standsOut) return 1;
    const { well, badly, promising } = this.compare();
    if (silent && this.failures >= unclearFailuresMin && well > 0 && well >= badly) {
      this.standsOut = true;
      return this.failures;
    }
    const again = this.witnesses.length === 0 || (this.failures % watchAgainAfter === 0 && promising === 0);
    if (this.failures >= watchFrom && again) this.watch(others());
    return 0;
  }

  private watch(others: Iterable<Compared>): void {
    const witnesses: Witness[] = [];
    for (const endpoint of others) {
      witnesses.push({ endpoint, success: endpoint.success, unclear: endpoint.unclear });
      if (witnesses.length === witnessesMax) break;
    }
    this.witnesses = witnesses;
  }

  /** Witnesses that do well, that do not, and that may yet be found to do well. */
  private compare(): { well: number; badly: number; promising: number } {
    let well = 0;
    let badly = 0;
    let promising = 0;
    for (const { endpoint, success, unclear } of this.witnesses) {
      const successes = endpoint.success - success;
      const failures = endpoint.unclear - unclear;
      if (failures * witnessSuccessesPerFailure > successes) badly++;
      else if (successes >= witnessSuccessesMin) well++;
      else if (successes > 0) promising++;
    }
    return { well, badly, promising };
  }
}
