import type { Command } from '../command.ts';
import { adminFlags, askArguments, output } from '../flags.ts';
import type { ReportArguments } from '../report/report.ts';

export const report: Command<ReportArguments> = {
  name: 'report',
  summary: 'write a support bundle of a running sidecar, without secrets',
  usage: '[options]',
  detail: [
    'Writes a folder with the configuration, statistics, endpoints, listeners, metrics, recent calls,',
    'memory, versions and what outrigger check finds. Passwords, tokens, private keys and credentials in',
    'URLs and messages are replaced; names of hosts and methods and addresses of clients are not. Read',
    'the files before you send them. -o json prints the same as one JSON object.',
  ],
  examples: [
    'outrigger report',
    'outrigger report --dir incident-4711',
    'outrigger report -o json > report.json',
  ],
  flags: [
    { name: 'dir', value: 'DIR', doc: 'folder to create (outrigger-report-TIME)' },
    ...adminFlags,
    output,
  ],
  parse: ({ one }) => ({ value: { ...askArguments(one), dir: one.dir } }),
  run: async (args, { io, env }) => (await import('../report/report.ts')).report(args, io, env),
};
