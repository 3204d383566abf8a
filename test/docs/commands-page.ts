import { commands } from '../../src/cli/commands.ts';
import { commandHelp, overview } from '../../src/cli/help.ts';

/** Returns the page of all commands: what `--help` shows of each. Only the site has it, so it is never out of date. */
export function commandsPage(): string {
  return [
    '# Commands',
    '',
    '```text',
    overview(commands).trimEnd(),
    '```',
    '',
    'Commands that talk to a running sidecar use its [admin API](admin.md): `--admin` or `OUTRIGGER_ADMIN` is its address.',
    'All exit codes are in [Signals and exit codes](admin.md#signals-and-exit-codes).',
    '',
    ...commands.flatMap((command) => [
      `## outrigger ${command.name}`,
      '',
      '```text',
      commandHelp(command).trimEnd(),
      '```',
      '',
    ]),
  ].join('\n');
}
