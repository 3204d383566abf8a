import type { Command } from './command.ts';
import { call } from './commands/call.ts';
import { check } from './commands/check.ts';
import { completion } from './commands/completion.ts';
import { demo } from './commands/demo.ts';
import { drain } from './commands/drain.ts';
import { endpoints } from './commands/endpoints.ts';
import { explain } from './commands/explain.ts';
import { help } from './commands/help.ts';
import { inject } from './commands/inject.ts';
import { logLevel } from './commands/log-level.ts';
import { man } from './commands/man.ts';
import { ready } from './commands/ready.ts';
import { reload } from './commands/reload.ts';
import { report } from './commands/report.ts';
import { run } from './commands/run.ts';
import { schema } from './commands/schema.ts';
import { stat } from './commands/stat.ts';
import { tap } from './commands/tap.ts';
import { top } from './commands/top.ts';
import { traces } from './commands/traces.ts';
import { undrain } from './commands/undrain.ts';
import { validate } from './commands/validate.ts';
import { version } from './commands/version.ts';

/** Every command, in the order of `outrigger --help`. */
export const commands: readonly Command[] = [
  run,
  demo,
  validate,
  check,
  schema,
  version,
  endpoints,
  stat,
  top,
  traces,
  explain,
  tap,
  drain,
  undrain,
  ready,
  reload,
  call,
  report,
  inject,
  logLevel,
  completion,
  man,
  help,
];

export const commandNames: readonly string[] = commands.map(({ name }) => name);

export function commandOf(name: string): Command | undefined {
  return commands.find((command) => command.name === name);
}
