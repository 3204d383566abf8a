import type { Clock, Timer } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Random } from '../core/random.ts';
import { type Probe, type ProbeResult, timedOut } from './probe.ts';

export type HealthStatus = 'unknown' | 'healthy' | 'unhealthy';

/** Never changed: a new one replaces it. */
export interface HealthState {
  readonly status: HealthStatus;
  /** The endpoint answers, but not about its health: `status` is `unknown`, and the endpoint is used all the same. */
  readonly alive: boolean;
  /** The latest probe in plain words, or why there is none. */
  readonly reason: string;
  /** `Clock.now()` when the status became what it is. */
  readonly sinceMs: number;
  /** How often the status has changed. */
  readonly changes: number;
}

export interface HealthSettings {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Consecutive failed probes that make a healthy endpoint unhealthy. */
  readonly unhealthyThreshold: number;
  /** Consecutive good probes that make an unhealthy endpoint healthy again. */
  readonly healthyThreshold: number;
  /** Instead of `intervalMs` while the endpoint is healthy and gets no calls; null for the same. */
  readonly noTrafficIntervalMs: number | null;
  /** Intervals vary by this fraction up and down, so that sidecars do not probe in step. */
  readonly jitter: number;
  /** What the endpoint counts as until its first answer. */
  readonly initialState: 'unknown' | 'healthy';
  /**
   * What an answer means that says nothing about health (UNAUTHENTICATED, a web page): that the endpoint is alive and is used,
   * or that it is unhealthy.
   */
  readonly inconclusive: 'alive' | 'unhealthy';
}

export const defaultHealthSettings: HealthSettings = {
  intervalMs: 5000,
  timeoutMs: 1000,
  unhealthyThreshold: 3,
  healthyThreshold: 1,
  noTrafficIntervalMs: null,
  jitter: 0.1,
  initialState: 'unknown',
  inconclusive: 'unhealthy',
};

export interface HealthCheckerOptions {
  /** `formatAddress` of the endpoint, for the log. */
  readonly endpoint: string;
  /** The checker closes it when stopped. */
  readonly probe: Probe;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: HealthSettings;
  /** Whether the endpoint got a call since it was last asked this; only for `noTrafficIntervalMs`. */
  readonly hadTraffic?: () => boolean;
  /** Whether a call to the endpoint succeeded since it was last asked this; only for `inconclusive: alive`. */
  readonly callsSucceeded?: () => boolean;
  /**
   * After each change of status, and whether or not it changes anything: at the first answer (`answered`), and at a good
   * probe after failed ones.
   */
  onChange(state: HealthState): void;
}

export interface HealthChecker {
  readonly state: HealthState;
  /** A probe has settled, well or not: the status is no longer the initial one. */
  readonly answered: boolean;
  /** The data path saw a connection fail: probe early. Rate limited, cheap to call often, harmless after stop. */
  hint(): void;
  /** Cancels all; `onChange` is not called again. Harmless when repeated. */
  stop(): void;
}

/** Probes for `hint` are this far apart (or `intervalMs`, if that is less). */
const hintIntervalMs = 1000;
/** So soon after a bad probe the next one follows where the endpoint is unhealthy, or the data path has trouble too. */
const recoveryIntervalMs = 250;
/**
 * While it stays so its probes become rarer by this factor, up to `intervalMs`: whoever comes back is seen within a third of
 * the time that it was away, and one that stays away is not asked often.
 */
const recoveryFactor = 1.3;
/** A probe keeps its own timeout; this is for one that does not. */
const settleGraceMs = 5000;

/** Probes an endpoint at once and from then on, until stopped. */
export function startHealthChecker(options: HealthCheckerOptions): HealthChecker {
  return new ProbingChecker(options);
}

/** `alive` is shown as `unknown`, and used. */
type Standing = HealthStatus | 'alive';

/** What a verdict counts as. */
type Evidence =
  | 'good'
  /** It lives, and that is all that is known. */
  | 'alive'
  /** It said itself that it is unhealthy. */
  | 'bad_now'
  | 'bad';

/**
 * | standing  | good probe                  | alive                                | said unhealthy | failed probe                    |
 * |-----------|-----------------------------|--------------------------------------|----------------|---------------------------------|
 * | unknown   | healthy                     | alive                                | unhealthy      | unhealthy                       |
 * | healthy   | healthy                     | alive at unhealthyThreshold          | unhealthy      | unhealthy at unhealthyThreshold |
 * | alive     | healthy                     | alive                                | unhealthy      | unhealthy at unhealthyThreshold |
 * | unhealthy | healthy at healthyThreshold | alive at healthyThreshold            | unhealthy      | unhealthy                       |
 *
 * The first good probe of all makes the endpoint healthy whatever the threshold, as in Envoy: a rollout must not
 * wait. `healthy` as initial state is an assumption, and the first failed probe ends it.
 *
 * `alive` is for `inconclusive: alive` alone, the default where nobody configured health checks. There an endpoint that answers
 * UNAVAILABLE, or nothing, is not shunned while its calls succeed; and one that speaks HTTP/2 but never answered a health check
 * is alive from the start, since its calls may well be answered.
 */
class ProbingChecker implements HealthChecker {
  state: HealthState;
  answered = false;
  private readonly options: HealthCheckerOptions;
  private readonly hintMs: number;
  private readonly quickMs: number;
  private timer: Timer | null = null;
  private stopped = false;
  private inFlight = false;
  private hinted = false;
  /** The data path saw trouble since the latest good probe. */
  private troubled = false;
  /** Numbers probes: an answer to an earlier one is too late. */
  private probe = 0;
  private startedMs = 0;
  private nextMs = 0;
  private recoveryMs: number;
  /** Consecutive probes that agreed. */
  private goodInRow = 0;
  private failedInRow = 0;
  private consecutiveAlive = 0;
  private everGood = false;
  /** Its health service has answered, if only that there is none: a health check that gets no answer is news then. */
  private everSpoke = false;
  private standing: Standing;
  private loggedUnimplemented = false;
  private loggedAlive = false;

  constructor(options: HealthCheckerOptions) {
    const { settings, clock } = options;
    this.options = options;
    this.hintMs = Math.min(settings.intervalMs, hintIntervalMs);
    this.quickMs = Math.min(settings.intervalMs, recoveryIntervalMs);
    this.recoveryMs = this.quickMs;
    const status = settings.initialState;
    const reason = status === 'healthy' ? 'assumed healthy until the first probe' : 'not probed yet';
    this.standing = status;
    this.state = { status, alive: false, reason, sinceMs: clock.now(), changes: 0 };
    options.probe.listen?.((result) => this.onProbeResult(result));
    this.check();
  }

  hint(): void {
    if (this.stopped) return;
    // The probe in flight may have been answered before the failure.
    this.hinted = true;
    this.troubled = true;
    const atMs = this.startedMs + this.hintMs;
    if (!this.inFlight && atMs < this.nextMs) this.checkAt(Math.max(atMs, this.options.clock.now()));
  }

  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.timer?.cancel();
    this.options.probe.close();
  }

  /** It said by itself how it is, or what it said it over has broken. */
  private onProbeResult(result: ProbeResult): void {
    if (this.stopped) return;
    if (result.verdict === 'failed') this.troubled = true;
    this.judge(result);
    // The answer to a probe in flight sets the time of the next.
    if (!this.stopped && !this.inFlight) this.checkAt(this.options.clock.now() + this.delayMs());
  }

  private checkAt(atMs: number): void {
    this.timer?.cancel();
    this.nextMs = atMs;
    this.timer = this.options.clock.after(atMs - this.options.clock.now(), () => this.due());
  }

  /** The interval is over. Without traffic several must be; but traffic that begins does not wait for the last of them. */
  private due(): void {
    const { clock, hadTraffic, settings } = this.options;
    const { noTrafficIntervalMs } = settings;
    const calm = this.up && !this.hinted && this.failedInRow === 0;
    if (calm && noTrafficIntervalMs !== null && hadTraffic !== undefined && !hadTraffic()) {
      const atMs = this.startedMs + noTrafficIntervalMs;
      if (clock.now() < atMs) return this.checkAt(Math.min(atMs, clock.now() + this.delayMs()));
    }
    this.check();
  }

  private check(): void {
    const { clock, probe, settings } = this.options;
    const number = ++this.probe;
    this.inFlight = true;
    this.hinted = false;
    this.startedMs = clock.now();
    const settle = (result: ProbeResult): void => {
      if (this.stopped || !this.inFlight || number !== this.probe) return;
      this.inFlight = false;
      this.timer?.cancel();
      this.judge(result);
      // Whoever was just notified may have stopped this checker.
      if (this.stopped) return;
      const atMs = clock.now() + this.delayMs();
      this.checkAt(this.hinted ? Math.min(atMs, this.startedMs + this.hintMs) : atMs);
    };
    this.timer = clock.after(settings.timeoutMs + settleGraceMs, () => settle(timedOut(settings.timeoutMs)));
    probe.check(settings.timeoutMs).then(settle, (error: unknown) => {
      settle({ verdict: 'failed', reason: `the probe itself failed: ${error}` });
    });
  }

  private judge(result: ProbeResult): void {
    const before = this.state;
    const standingBefore = this.standing;
    const hadFailed = this.failedInRow > 0;
    const evidence = this.evidenceOf(result);
    this.standing = this.standingAfter(evidence);
    const { clock, onChange } = this.options;
    const changed = this.standing !== standingBefore;
    const first = !this.answered;
    this.answered = true;
    const alive = this.standing === 'alive';
    this.state = {
      status: alive ? 'unknown' : (this.standing as HealthStatus),
      alive,
      reason: this.reasonOf(result, evidence),
      sinceMs: changed ? clock.now() : before.sinceMs,
      changes: before.changes + Number(changed),
    };
    const recovered = hadFailed && this.up && evidence !== 'bad';
    if (changed || recovered) this.recoveryMs = this.quickMs;
    this.log(result, standingBefore);
    if (changed || first || recovered) onChange(this.state);
  }

  private reasonOf({ reason }: ProbeResult, evidence: Evidence): string {
    const { unhealthyThreshold } = this.options.settings;
    if (this.standing === 'alive' && evidence === 'alive') return `alive, health unknown: ${reason}`;
    if (this.standing === 'healthy' && evidence === 'alive')
      return `${this.consecutiveAlive} of ${unhealthyThreshold} health checks say nothing about health: ${reason}`;
    return this.up && evidence === 'bad'
      ? `${this.failedInRow} of ${unhealthyThreshold} probes failed: ${reason}`
      : reason;
  }

  private log(result: ProbeResult, from: Standing): void {
    const { endpoint, logger } = this.options;
    if (result.verdict === 'unimplemented' && !this.loggedUnimplemented) {
      this.loggedUnimplemented = true;
      logger.info(`endpoint ${endpoint} has no health service; it counts as healthy while it answers`, {
        endpoint,
      });
    }
    if (this.standing === from) return;
    const { reason } = this.state;
    const facts = { endpoint, from, to: this.standing, reason };
    if (this.standing === 'healthy') logger.info(`endpoint ${endpoint} is healthy: ${reason}`, facts);
    else if (this.standing === 'unhealthy')
      logger.warn(`endpoint ${endpoint} is unhealthy: ${reason}`, facts);
    else if (!this.loggedAlive) {
      this.loggedAlive = true;
      logger.warn(
        `endpoint ${endpoint} gets requests although its health is unknown: the health check got "${result.reason}"; ` +
          'configure health.grpc.metadata, another probe under health, or health: none',
        facts,
      );
    } else if (from === 'unhealthy')
      logger.info(`endpoint ${endpoint} gets requests again: ${reason}`, facts);
  }

  private evidenceOf({ verdict }: ProbeResult): Evidence {
    const { settings, callsSucceeded } = this.options;
    // Asked after every probe, so that the answer is about the time since the one before.
    const callsWork = callsSucceeded?.() ?? false;
    const mayBeAlive = settings.inconclusive === 'alive';
    switch (verdict) {
      case 'healthy':
      case 'unimplemented':
        this.everSpoke = true;
        return 'good';
      case 'unhealthy_now':
        this.everSpoke = true;
        return 'bad_now';
      case 'says_unknown':
        return mayBeAlive ? 'alive' : 'bad_now';
      case 'inconclusive':
        return mayBeAlive ? 'alive' : 'bad';
      // From who never spoke of its health neither says anything about it: an interceptor may answer every check so.
      case 'no_answer':
      case 'unavailable':
        return mayBeAlive && (callsWork || !this.everSpoke) ? 'alive' : 'bad';
      case 'connection_closed':
        return mayBeAlive && callsWork ? 'alive' : 'bad';
      case 'failed':
        return 'bad';
    }
  }

  private standingAfter(evidence: Evidence): Standing {
    const { settings } = this.options;
    this.consecutiveAlive = evidence === 'alive' ? this.consecutiveAlive + 1 : 0;
    switch (evidence) {
      case 'good':
      case 'alive': {
        const enough = !this.everGood || ++this.goodInRow >= settings.healthyThreshold;
        // Who spoke of its health a moment ago is not unknown because it limited the rate of one probe.
        const keeps =
          this.standing === 'healthy' && this.everGood && this.consecutiveAlive < settings.unhealthyThreshold;
        this.everGood = true;
        this.failedInRow = 0;
        this.troubled = false;
        if (!this.up && !enough) return 'unhealthy';
        return evidence === 'good' || keeps ? 'healthy' : 'alive';
      }
      case 'bad_now':
        this.goodInRow = 0;
        return 'unhealthy';
      case 'bad': {
        this.goodInRow = 0;
        const enough = !this.everGood || ++this.failedInRow >= settings.unhealthyThreshold;
        return !this.up || enough ? 'unhealthy' : this.standing;
      }
    }
  }

  /** May it get calls? */
  private get up(): boolean {
    return this.standing === 'healthy' || this.standing === 'alive';
  }

  /** To the next probe, milliseconds. */
  private delayMs(): number {
    const { random, settings } = this.options;
    let delayMs = settings.intervalMs;
    // Trouble that both a probe and the data path have seen is probed like an outage.
    const trouble = this.troubled && this.failedInRow > 0;
    if (!this.up || trouble) {
      // A good probe on the way to healthyThreshold starts the quick ones again.
      if (this.goodInRow > 0) this.recoveryMs = this.quickMs;
      delayMs = this.recoveryMs;
      this.recoveryMs = Math.min(this.recoveryMs * recoveryFactor, settings.intervalMs);
    }
    return delayMs * (1 + settings.jitter * (2 * random.next() - 1));
  }
}
