/** Levels of the operational log, least first. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** A line for the operator: a plain sentence and the facts behind it. Never called per call or per frame. */
export interface Logger {
  debug(message: string, facts?: LogFacts): void;
  info(message: string, facts?: LogFacts): void;
  warn(message: string, facts?: LogFacts): void;
  error(message: string, facts?: LogFacts): void;
}
export type LogFacts = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** A logger that adds facts to each line: which cluster, say. Facts of the line itself come after them. */
export function loggerWith(logger: Logger, facts: LogFacts): Logger {
  return {
    debug: (message, more) => logger.debug(message, { ...facts, ...more }),
    info: (message, more) => logger.info(message, { ...facts, ...more }),
    warn: (message, more) => logger.warn(message, { ...facts, ...more }),
    error: (message, more) => logger.error(message, { ...facts, ...more }),
  };
}

/** Drops every line: the default of units under test. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
