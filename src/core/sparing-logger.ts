import type { Clock } from './clock.ts';
import type { LogFacts, Logger } from './logger.ts';

/** Lines of one message in one span of time; more are counted and told of with the first line of a later span. */
const linesMax = 10;
const spanMs = 1000;
/** Messages that are told apart; they are our own sentences, so there are never as many. */
const messagesMax = 100;

interface Span {
  startedMs: number;
  lines: number;
  suppressed: number;
}

/** Wraps a logger for what peers can cause at will: attackers must not fill the disk, or have us write all the time. */
export function sparingLogger(logger: Logger, clock: Clock): Logger {
  const spans = new Map<string, Span>();
  const sparing =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, facts: LogFacts = {}): void => {
      const nowMs = clock.now();
      let span = spans.get(message);
      if (span === undefined) {
        if (spans.size >= messagesMax) spans.clear();
        span = { startedMs: nowMs, lines: 0, suppressed: 0 };
        spans.set(message, span);
      }
      let more = {};
      if (nowMs - span.startedMs >= spanMs) {
        if (span.suppressed > 0) more = { suppressed: span.suppressed };
        span.startedMs = nowMs;
        span.lines = 0;
        span.suppressed = 0;
      }
      if (span.lines++ < linesMax) logger[level](message, { ...facts, ...more });
      else span.suppressed++;
    };
  return { debug: sparing('debug'), info: sparing('info'), warn: sparing('warn'), error: sparing('error') };
}
