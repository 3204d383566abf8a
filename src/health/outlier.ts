import type { Clock, Timer } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { pluralize } from '../core/pluralize.ts';
import {
  type FailurePercentageSettings,
  rateOutliers,
  type SuccessRateSettings,
} from './outlier-statistics.ts';

/** Passive health: an endpoint that fails calls is left out for a while, whatever its probes say. */
export interface OutlierSettings {
  /** Consecutive failed calls that eject; 0 for any number. */
  readonly consecutiveErrors: number;
  /** The first ejection; the n-th in close succession lasts n times as long. */
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  /** At most this share of the endpoints is out at once, rounded down: of one endpoint none, of three one (at 50). */
  readonly maxEjectedPercent: number;
  /**
   * Each such time in full use takes one off the count that makes ejections longer; and as often the endpoints are compared
   * with each other.
   */
  readonly intervalMs: number;
  /** Ejects who succeeds much less often than the others; null for off. */
  readonly successRate: SuccessRateSettings | null;
  /** Ejects who fails most of its calls, in a row or not; null for off. */
  readonly failurePercentage: FailurePercentageSettings | null;
}

export const defaultOutlierSettings: OutlierSettings = {
  consecutiveErrors: 5,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectedPercent: 50,
  intervalMs: 10_000,
  successRate: null,
  failurePercentage: null,
};

/**
 * ```
 *        errors in a row, a bad rate         time is up              next pick
 *   in ---------------------> ejected --------------------> probation ---------> trial
 *    ^                           ^                              ^                  |
 *    |                           +--------- the call failed ----|------------------+
 *    |                                                          +-- no verdict ----+
 *    +--------------------------- the call succeeded ------------------------------+
 * ```
 * After its time an endpoint gets one real call before it is used in full (as in Linkerd): five more calls
 * need not fail to learn that nothing has changed.
 */
export type OutlierState = 'in' | 'ejected' | 'probation' | 'trial';

/** What ejected an endpoint, as metrics name it. */
export const ejectionRules = [
  'errors in a row',
  'success rate',
  'failure percentage',
  'trial failed',
] as const;
export type EjectionRule = (typeof ejectionRules)[number];

/** A probing call that says nothing for so long (a stream may live for hours) makes way for another. */
const trialMs = 5000;

/** The outlier's view of one endpoint. Called per attempt: cheap, no allocation unless the state changes. */
export interface OutlierEndpoint {
  readonly state: OutlierState;
  /** May be picked: `in` or `probation`. */
  readonly usable: boolean;
  /** `Clock.now()` at which the ejection ends; 0 unless ejected. */
  readonly ejectedUntilMs: number;
  /** Ever. */
  readonly ejections: number;
  /** The same by what it was for; a rule that never did is not there. */
  readonly ejectionsByRule: ReadonlyMap<EjectionRule, number>;
  /** What the latest ejection was for, in plain words: `5 consecutive calls failed`; '' before the first. */
  readonly ejectedBecause: string;
  /** The endpoint was picked. In `probation` this call becomes the trial, and the endpoint is not usable until its verdict. */
  picked(): void;
  /** The replica did its work, whatever the status it chose: NOT_FOUND is a success. */
  succeeded(): void;
  /**
   * It did not: see `core/ending.ts`. `held` is how many earlier failures, each reported as `unclear` before, are now known
   * to be the endpoint's as well.
   */
  failed(held?: number): void;
  /** It did not, and the request may be the reason. Ends no trial and no row of errors; compared with other endpoints. */
  unclear(): void;
  /** A call ended without a verdict: the client cancelled it. If there is a trial, another call gets it. */
  abandoned(): void;
  /**
   * Health checks that had found it ill find it well: what it was ejected for belongs to its life before, and a call may
   * try it now (Envoy ends an ejection at any good probe, which would bring a replica back that answers probes and no calls).
   */
  recovered(): void;
  /** The endpoint left the cluster. */
  remove(): void;
}

export interface OutlierDetector {
  /**
   * An endpoint joined.
   * @param name `formatAddress`, for the log
   * @param onChange `usable` changed; never called from within `add`
   */
  add(name: string, onChange: () => void): OutlierEndpoint;
  /** Cancels all timers. */
  stop(): void;
}

interface Pool {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: OutlierSettings;
  readonly clientsChoose: () => boolean;
  readonly members: Set<Member>;
  /** Members that are not `in`. */
  out: number;
  /** The next comparison; null where there is none. */
  timer: Timer | null;
}

export function outlierDetector(dependencies: {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: OutlierSettings;
  /** Whether clients choose the endpoint, now: a reload may change the policy. No if not given. */
  readonly clientsChoose?: () => boolean;
}): OutlierDetector {
  const pool: Pool = { clientsChoose: () => false, ...dependencies, members: new Set(), out: 0, timer: null };
  const { settings, clock } = dependencies;
  const compare = (): void => {
    const compared = [...pool.members].filter(({ state }) => state === 'in');
    const rules = { ...settings, clientsChoose: pool.clientsChoose() };
    for (const { who, rule, why } of rateOutliers(compared, rules)) who.standsOut(rule, why);
    for (const member of pool.members) member.forgetTally();
    pool.timer = clock.after(settings.intervalMs, compare);
  };
  if (settings.successRate !== null || settings.failurePercentage !== null)
    pool.timer = clock.after(settings.intervalMs, compare);
  return {
    add(name, onChange) {
      const member = new Member(pool, name, onChange);
      pool.members.add(member);
      return member;
    },
    stop() {
      pool.timer?.cancel();
      for (const member of pool.members) member.remove();
    },
  };
}

class Member implements OutlierEndpoint {
  state: OutlierState = 'in';
  ejectedUntilMs = 0;
  ejections = 0;
  ejectedBecause = '';
  readonly ejectionsByRule = new Map<EjectionRule, number>();
  /** Of this interval. */
  calls = 0;
  failures = 0;
  unclearFailures = 0;
  private readonly pool: Pool;
  private readonly name: string;
  private readonly onChange: () => void;
  private errorsInRow = 0;
  /** How many times the base the latest ejection lasted, before what was worked off since `backMs`. */
  private times = 0;
  private backMs = 0;
  private timer: Timer | null = null;

  constructor(pool: Pool, name: string, onChange: () => void) {
    this.pool = pool;
    this.name = name;
    this.onChange = onChange;
  }

  get usable(): boolean {
    return this.state === 'in' || this.state === 'probation';
  }

  picked(): void {
    if (this.state !== 'probation') return;
    this.state = 'trial';
    this.timer = this.pool.clock.after(trialMs, () => this.abandoned());
    this.onChange();
  }

  succeeded(): void {
    this.errorsInRow = 0;
    this.calls++;
    if (this.state === 'in' || this.state === 'ejected') return;
    // Any call's success will do, also of one that was on its way before the ejection: the replica works.
    this.timer?.cancel();
    const wasUsable = this.usable;
    this.state = 'in';
    this.pool.out--;
    this.backMs = this.pool.clock.now();
    this.pool.logger.info(`endpoint ${this.name} is back in rotation after its ejection`, {
      endpoint: this.name,
    });
    if (!wasUsable) this.onChange();
  }

  failed(held = 0): void {
    this.calls++;
    // Those of an earlier interval are forgotten, and so are their calls: no more fail than there were.
    const unclear = Math.min(held, this.unclearFailures);
    this.failures += 1 + unclear;
    this.unclearFailures -= unclear;
    if (this.state === 'ejected') return;
    this.errorsInRow += 1 + held;
    const { consecutiveErrors } = this.pool.settings;
    if (this.state === 'trial') this.eject('trial failed', 'the trial call failed');
    else if (this.state === 'probation')
      this.eject('trial failed', 'one more call failed, begun before its ejection');
    else if (consecutiveErrors > 0 && this.errorsInRow >= consecutiveErrors && this.hasRoom())
      this.eject('errors in a row', `${pluralize(this.errorsInRow, 'consecutive call')} failed`);
  }

  unclear(): void {
    this.calls++;
    this.unclearFailures++;
    this.abandoned();
  }

  /** Compared with the others it did badly. */
  standsOut(rule: EjectionRule, why: string): void {
    if (this.state === 'in' && this.hasRoom()) this.eject(rule, why);
  }

  forgetTally(): void {
    this.calls = 0;
    this.failures = 0;
    this.unclearFailures = 0;
  }

  abandoned(): void {
    if (this.state !== 'trial') return;
    this.timer?.cancel();
    this.state = 'probation';
    this.onChange();
  }

  recovered(): void {
    if (this.state === 'ejected') this.admit();
  }

  remove(): void {
    this.pool.members.delete(this);
    this.timer?.cancel();
    if (this.state !== 'in') this.pool.out--;
    this.state = 'in';
  }

  /** Its time is up: the next call is its trial. */
  private admit(): void {
    this.timer?.cancel();
    this.state = 'probation';
    this.ejectedUntilMs = 0;
    this.onChange();
  }

  private hasRoom(): boolean {
    const { members, out, settings } = this.pool;
    return members.has(this) && out < Math.floor((members.size * settings.maxEjectedPercent) / 100);
  }

  private eject(rule: EjectionRule, why: string): void {
    const { clock, logger, settings } = this.pool;
    const nowMs = clock.now();
    const wasUsable = this.usable;
    if (this.state === 'in') {
      this.pool.out++;
      const workedOff = Math.floor((nowMs - this.backMs) / settings.intervalMs);
      this.times = Math.max(0, this.times - workedOff);
    }
    this.times++;
    this.ejections++;
    this.ejectionsByRule.set(rule, (this.ejectionsByRule.get(rule) ?? 0) + 1);
    this.ejectedBecause = why;
    this.state = 'ejected';
    const forMs = Math.min(settings.baseEjectionMs * this.times, settings.maxEjectionMs);
    this.ejectedUntilMs = nowMs + forMs;
    this.timer?.cancel();
    this.timer = clock.after(forMs, () => this.admit());
    logger.warn(`endpoint ${this.name} is ejected for ${forMs / 1000} s: ${why}`, {
      endpoint: this.name,
      rule,
      forMs,
    });
    if (wasUsable) this.onChange();
  }
}
