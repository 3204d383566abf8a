import type { Clock } from './clock.ts';
import { isoTime } from './iso-time.ts';
import { type LogFacts, type Logger, type LogLevel, logLevels } from './logger.ts';

/** A logger whose level can be changed while it runs. */
export interface LineLogger extends Logger {
  level: LogLevel;
}

/** Writes a line per event: for people, or as JSON for programs. `write` gets it with its line end. */
export function lineLogger(options: {
  readonly level: LogLevel;
  readonly format: 'text' | 'json';
  readonly clock: Clock;
  readonly write: (line: string) => void;
}): LineLogger {
  const { format, clock, write } = options;
  const log = (level: LogLevel, message: string, facts: LogFacts = {}): void => {
    if (logLevels.indexOf(level) < logLevels.indexOf(logger.level)) return;
    // Rare enough that a Date per line does no harm; the wall clock itself comes from the clock.
    const time = isoTime(clock.wallMs());
    write(
      format === 'json'
        ? `${JSON.stringify({ time, level, message, ...facts })}\n`
        : textLine(time, level, message, facts),
    );
  };
  const logger: LineLogger = {
    level: options.level,
    debug: (message, facts) => log('debug', message, facts),
    info: (message, facts) => log('info', message, facts),
    warn: (message, facts) => log('warn', message, facts),
    error: (message, facts) => log('error', message, facts),
  };
  return logger;
}

function textLine(time: string, level: LogLevel, message: string, facts: LogFacts): string {
  let line = `${time} ${level.padEnd(5)} ${message}`;
  for (const [key, value] of Object.entries(facts)) {
    if (value === undefined || value === '') continue;
    const text = String(value);
    line += ` ${key}=${/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)}`;
  }
  return `${line}\n`;
}
