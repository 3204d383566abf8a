import { shown } from '../../schema/problem.ts';
import type { Command } from '../command.ts';
import { configFlags, configFlagsOf, output, outputOf } from '../flags.ts';
import type { ValidateArguments } from '../validate.ts';

export const validate: Command<ValidateArguments> = {
  name: 'validate',
  summary: 'check a configuration and show all errors',
  usage: '--config FILE [options]',
  detail: [
    'Reads the same file, flags and environment variables as run, and starts nothing.',
    'Exit codes: 0 the configuration is valid, 2 it is not.',
  ],
  examples: ['outrigger validate --config outrigger.yaml', 'outrigger validate outrigger.yaml -o json'],
  flags: [...configFlags, output],
  positional: 'FILE',
  parse(given) {
    const { one, positional } = given;
    if (positional !== undefined && one.config !== undefined)
      return {
        error: `the file is given twice, as ${shown(positional)} and with --config; write one of them`,
      };
    const flags = configFlagsOf(given);
    return {
      value: {
        flags: positional === undefined ? flags : { ...flags, config: positional },
        output: outputOf(one),
      },
    };
  },
  run: async (args, { io, env }) => (await import('../validate.ts')).validate(args, io, env),
};
