import type { Clock } from './clock.ts';
import type { LogFacts, Logger } from './logger.ts';

/** Lines logged per message and interval; the first line of a later interval gives the number of those suppressed. */
const linesMax = 10;
const intervalMs = 1000;
/** Messages that are counted separately. They are Outrigger's own sentences, so there are never this many. */
const messagesMax = 100;

interface Interval {
  startedMs: number;
  lines: number;
  suppressed: number;
}

/** Returns a logger that limits the rate of lines that peers cause, so that an attacker can neither fill the disk nor keep the process logging. */
export function rateLimitedLogger(logger: Logger, clock: Clock): Logger {
  const intervals = new Map<string, Interval>();
  const limited =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, facts: LogFacts = {}): void => {
      const nowMs = clock.now();
      let interval = intervals.get(message);
      if (interval === undefined) {
        if (intervals.size >= messagesMax) intervals.clear();
        interval = { startedMs: nowMs, lines: 0, suppressed: 0 };
        intervals.set(message, interval);
      }
      let more = {};
      if (nowMs - interval.startedMs >= intervalMs) {
        if (interval.suppressed > 0) more = { suppressed: interval.suppressed };
        interval.startedMs = nowMs;
        interval.lines = 0;
        interval.suppressed = 0;
      }
      if (interval.lines++ < linesMax) logger[level](message, { ...facts, ...more });
      else interval.suppressed++;
    };
  return { debug: limited('debug'), info: limited('info'), warn: limited('warn'), error: limited('error') };
}
