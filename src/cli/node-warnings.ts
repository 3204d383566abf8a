import type { LogFacts, LogLevel } from '../core/logger.ts';

/** What `takeNodeWarnings` needs of `process`. */
export interface WarningSource {
  removeAllListeners(event: 'warning'): unknown;
  on(event: 'warning', listener: (warning: Error) => void): unknown;
}

/** Warnings that come before there is a log; more are dropped. */
const keptMax = 20;

/**
 * Takes the warnings of Node over from Node, which writes them to standard error in words for its own users. Gives what hears
 * of them, those of the start included. Where somebody asks Node for more (`--trace-warnings`), Node goes on as ever.
 */
export function takeNodeWarnings(
  source: WarningSource,
  nodeOptions: readonly string[],
): (report: (warning: Error) => void) => void {
  const kept: Error[] = [];
  let report = (warning: Error): void => {
    if (kept.length < keptMax) kept.push(warning);
  };
  const isTraced = nodeOptions.some((option) => /--trace-(warnings|deprecation)\b/.test(option));
  if (!isTraced) {
    source.removeAllListeners('warning');
    source.on('warning', (warning) => report(warning));
  }
  return (to) => {
    report = to;
    for (const warning of kept.splice(0)) to(warning);
  };
}

/** A line of the log for a warning of Node. */
export interface WarningLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly facts: LogFacts;
}

/** What a warning means to who runs a sidecar: what to change, or what to report. */
export function warningLine({ name, message, ...rest }: Error & { code?: unknown }): WarningLine {
  const facts = { warning: name, text: message, code: typeof rest.code === 'string' ? rest.code : undefined };
  if (message.includes('NODE_TLS_REJECT_UNAUTHORIZED'))
    return {
      level: 'warn',
      message:
        'NODE_TLS_REJECT_UNAUTHORIZED=0 is set: certificates of servers are not verified; unset it and write tls.ca in the cluster',
      facts: {},
    };
  if (message.includes('extra certs'))
    return {
      level: 'warn',
      message:
        'the file of NODE_EXTRA_CA_CERTS cannot be read: its authorities are not trusted; correct its path',
      facts: { text: message },
    };
  if (name === 'ExperimentalWarning' || name === 'DeprecationWarning')
    return { level: 'debug', message: 'Node.js reports a feature of its own that Outrigger uses', facts };
  if (name === 'MaxListenersExceededWarning')
    return {
      level: 'warn',
      message:
        'internal warning: event listeners add up, which may be a memory leak; please report this line',
      facts,
    };
  return { level: 'warn', message: 'internal warning of Node.js; please report this line', facts };
}
