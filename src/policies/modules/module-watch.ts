import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import { rateLimitedLogger } from '../../core/rate-limited-logger.ts';
import type { ReplyError } from '../../core/reply-error.ts';
import type { HistogramSeries, Registry, ValueFamily } from '../../telemetry/metrics/registry.ts';

export type Hook = 'request' | 'attempt' | 'reply' | 'trailers' | 'body' | 'settled' | 'facts';

type HistogramFamily = ReturnType<Registry['histogram']>;

/** What all modules count in, and the metrics that they declare themselves. */
export class ModuleMetrics {
  readonly failures: ValueFamily;
  readonly durations: HistogramFamily;
  private readonly registry: Registry;
  private readonly families = new Map<string, unknown>();

  constructor(registry: Registry) {
    this.registry = registry;
    this.failures = registry.counter({
      name: 'outrigger.policy_module.failures',
      unit: '{failure}',
      help: 'Errors of policy modules: exceptions, invalid values and timeouts.',
    });
    this.durations = registry.histogram({
      name: 'outrigger.policy_module.duration',
      unit: 's',
      help: 'Run time of each hook of a policy module; all requests wait while a hook runs.',
      bounds: [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1],
    });
  }

  /** The registry for a module. What another version of it has declared is the same family again. */
  get forModules(): Registry {
    const again = <T>(name: string, declare: () => T): T => {
      if (!this.families.has(name)) this.families.set(name, declare());
      return this.families.get(name) as T;
    };
    const { registry } = this;
    return {
      ...registry,
      counter: (options) => again(options.name, () => registry.counter(options)),
      gauge: (options) => again(options.name, () => registry.gauge(options)),
      histogram: (options) => again(options.name, () => registry.histogram(options)),
    };
  }
}

export interface WatchOptions {
  /** As the configuration names it. */
  readonly module: string;
  readonly policy: string;
  readonly slowMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ModuleMetrics;
  /** Milliseconds that run on while the clock is held. */
  readonly exactNow: () => number;
}

const warnAgainMsMin = 1000;
const warnAgainMsMax = 3_600_000;

/** Runs the hooks of one module: contains their exceptions, counts, measures and logs. */
export class ModuleWatch {
  private readonly options: WatchOptions;
  private readonly logger: Logger;
  private readonly durations = new Map<Hook, HistogramSeries>();
  private warnAtMs = Number.NEGATIVE_INFINITY;
  private warnAgainMs = warnAgainMsMin;
  private slowTimes = 0;

  constructor(options: WatchOptions) {
    this.options = options;
    this.logger = rateLimitedLogger(options.logger, options.clock);
  }

  /** What a hook returns, or the error of its request where it throws. */
  run<T>(hook: Hook, work: () => T): T | Failed {
    const { exactNow } = this.options;
    const startedMs = exactNow();
    try {
      return work();
    } catch (error) {
      return this.failed(hook, 'exception', error);
    } finally {
      this.ran(hook, exactNow() - startedMs);
    }
  }

  failed(hook: Hook, why: 'exception' | 'timeout' | 'wrong value', reason: unknown): Failed {
    const { module, policy, metrics } = this.options;
    metrics.failures
      .bind({ 'outrigger.module': module, 'outrigger.hook': hook, 'outrigger.failure': why })
      .add(1);
    const stack = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
    const effect = hook === 'facts' ? 'its facts are not shown' : 'the request fails with policy_failed';
    this.logger.error(`a policy module failed: ${effect}`, { module, hook, why, stack });
    // The reason may hold what is no business of a client.
    return new Failed({
      code: 'policy_failed',
      detail: `policy ${policy} failed in its ${hook} hook`,
      mayHaveProcessed: hook === 'reply' || hook === 'trailers',
    });
  }

  private ran(hook: Hook, ms: number): void {
    const { module, slowMs, metrics, clock } = this.options;
    let series = this.durations.get(hook);
    if (series === undefined) {
      series = metrics.durations.bind({ 'outrigger.module': module, 'outrigger.hook': hook });
      this.durations.set(hook, series);
    }
    series.data.record(ms / 1000);
    if (ms <= slowMs) return;
    this.slowTimes++;
    if (clock.now() < this.warnAtMs) return;
    this.options.logger.warn('a policy module is slow: all requests wait while its hook runs', {
      module,
      hook,
      ms: Math.round(ms),
      times: this.slowTimes,
    });
    this.slowTimes = 0;
    this.warnAtMs = clock.now() + this.warnAgainMs;
    this.warnAgainMs = Math.min(2 * this.warnAgainMs, warnAgainMsMax);
  }
}

/** What a hook that failed gives in place of its value. */
export class Failed {
  readonly error: ReplyError;

  constructor(error: ReplyError) {
    this.error = error;
  }
}
