import { boundedText } from './bounded-text.ts';
import type { Clock } from './clock.ts';
import { isoTime } from './iso-time.ts';
import { type LogFacts, type Logger, type LogLevel, logLevels } from './logger.ts';
import { withoutUserInfo } from './query-redaction.ts';
import { safeJson, safeText } from './safe-text.ts';

/** Characters that wait for a reader that stands still; lines that come on top are dropped and counted. */
export const logQueueCharsMax = 1024 * 1024;

/** A logger whose level and format can be changed while it runs. */
export interface LineLogger extends Logger {
  level: LogLevel;
  format: 'text' | 'json';
}

/** Writes a line per event: for people, or as JSON for programs. `write` gets it with its line end. */
export function lineLogger(options: {
  readonly level: LogLevel;
  readonly format: 'text' | 'json';
  readonly clock: Clock;
  readonly write: (line: string) => void;
  /** Characters that wait for the reader of the log. */
  readonly waitingChars?: () => number;
}): LineLogger {
  const { clock, write, waitingChars = () => 0 } = options;
  let droppedLines = 0;
  const log = (level: LogLevel, message: string, facts: LogFacts = {}): void => {
    if (logLevels.indexOf(level) < logLevels.indexOf(logger.level)) return;
    if (waitingChars() > logQueueCharsMax) {
      droppedLines++;
      return;
    }
    if (droppedLines > 0) {
      const lines = droppedLines;
      droppedLines = 0;
      log('warn', 'log lines were dropped because their reader stood still', { lines });
    }
    // Rare enough that a Date per line does no harm; the wall clock itself comes from the clock.
    const time = isoTime(clock.wallMs());
    write(
      logger.format === 'json'
        ? `${safeJson(JSON.stringify({ time, level, ...boundedFacts({ message, ...facts }) }))}\n`
        : textLine(time, level, boundedText(message, factCharsMax), boundedFacts(facts)),
    );
  };
  const logger: LineLogger = {
    level: options.level,
    format: options.format,
    debug: (message, facts) => log('debug', message, facts),
    info: (message, facts) => log('info', message, facts),
    warn: (message, facts) => log('warn', message, facts),
    error: (message, facts) => log('error', message, facts),
  };
  return logger;
}

/** What needs no quotes. */
const plainFact = /^[\x21\x23-\x3c\x3e-\x7e]+$/;
/** Characters of a message or a fact: a peer or a library may have made it long. A stack takes some 2,000. */
const factCharsMax = 8192;

/** With user information in URLs taken out: what a library says of a failure often quotes the URL it had. */
function boundedFacts(facts: LogFacts): LogFacts {
  const entries = Object.entries(facts);
  const isText = ([, value]: readonly [string, LogFacts[string]]): boolean => typeof value === 'string';
  if (!entries.some(isText)) return facts;
  return Object.fromEntries(
    entries.map(([key, value]) => [
      key,
      typeof value === 'string' ? withoutUserInfo(boundedText(value, factCharsMax)) : value,
    ]),
  );
}

function textLine(time: string, level: LogLevel, message: string, facts: LogFacts): string {
  let line = `${time} ${level.padEnd(5)} ${safeText(message)}`;
  for (const [key, value] of Object.entries(facts)) {
    if (value === undefined || value === '') continue;
    const text = String(value);
    line += ` ${key}=${plainFact.test(text) ? text : safeJson(JSON.stringify(text))}`;
  }
  return `${line}\n`;
}
