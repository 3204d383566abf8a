import { type LogLevel, logLevels } from '../../core/logger.ts';
import { nearestName } from '../../core/nearest.ts';
import { listed, shown } from '../../schema/problem.ts';
import type { Command } from '../command.ts';
import { adminFlags, askArguments, output } from '../flags.ts';
import type { LogLevelArguments } from '../log-level.ts';

export const logLevel: Command<LogLevelArguments> = {
  name: 'log-level',
  summary: 'show or set the log level of a running sidecar',
  usage: '[LEVEL] [options]',
  detail: [
    `LEVEL is ${listed(logLevels)}. Without it, the command prints the level.`,
    'The level stays until a restart, or a reload that changes log.level.',
  ],
  examples: ['outrigger log-level', 'outrigger log-level debug'],
  flags: [...adminFlags, output],
  positional: 'LEVEL',
  positionalWords: logLevels,
  parse({ one, positional }) {
    const level = logLevels.find((name) => name === positional);
    if (positional === undefined || level !== undefined) return { value: { ...askArguments(one), level } };
    return { error: wrongLevel(positional) };
  },
  run: async (args, { io, env }) => (await import('../log-level.ts')).logLevel(args, io, env),
};

function wrongLevel(text: string): string {
  const near: LogLevel | undefined = nearestName(text, logLevels) as LogLevel | undefined;
  return `${shown(text)} is not a log level; ${near === undefined ? `write ${listed(logLevels)}` : `did you mean ${near}?`}`;
}
