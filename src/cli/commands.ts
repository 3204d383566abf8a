import { settings, sourceVariables } from '../config/settings.ts';

/** One flag of a command. */
export interface FlagSpec {
  /** Name without the dashes. */
  readonly name: string;
  readonly short?: string;
  /** Placeholder for the value in help, such as `FILE`; undefined for a flag that takes no value. */
  readonly value?: string;
  /** Allowed values, for a flag that takes only a few. */
  readonly words?: readonly string[];
  readonly repeated?: boolean;
  /** Whether the value is a list. A comma at its end continues the list in the next argument. */
  readonly list?: boolean;
  readonly doc: string;
  /** Environment variable that sets the same option. */
  readonly variable?: string;
}

export interface CommandSpec {
  readonly summary: string;
  /** What the usage line shows after the name of the command. */
  readonly usage: string;
  /** Lines of description in the help of the command. */
  readonly detail: readonly string[];
  readonly examples: readonly string[];
  readonly flags: readonly FlagSpec[];
  /** Placeholder for an argument without a flag; undefined for a command that takes none. */
  readonly positional?: string;
  /** Whether the command takes more than one such argument. */
  readonly positionalRepeated?: boolean;
}

const config: FlagSpec = {
  name: 'config',
  short: 'c',
  value: 'FILE',
  doc: 'configuration file, YAML or JSON',
  variable: sourceVariables.config,
};
const targets: readonly FlagSpec[] = [
  {
    name: 'from',
    value: 'ADDR',
    doc: 'address to listen on, without a configuration file',
    variable: sourceVariables.from,
  },
  {
    name: 'to',
    value: 'TARGET',
    repeated: true,
    list: true,
    doc: 'replicas to balance over: host:port[,weight=N], separated by commas, or dns:///host:port; may be repeated',
    variable: sourceVariables.to,
  },
];
/** Flags of configuration keys, read from the configuration table. */
const settingFlags: readonly FlagSpec[] = settings.flatMap(({ shape, variable }) => {
  if (shape.flag === undefined) return [];
  const { label } = shape.type;
  // A boolean flag takes no value: the flag turns the setting on.
  if (label === 'true or false') return [{ name: shape.flag, doc: shape.flagDoc ?? shape.doc, variable }];
  const value = label.includes('`') ? label.replaceAll('`', '').replaceAll(', ', '|') : valueWord(label);
  const otherwise = shape.default === undefined ? '' : ` (${shape.default})`;
  return [{ name: shape.flag, value, doc: `${shape.flagDoc ?? shape.doc}${otherwise}`, variable }];
});

function valueWord(label: string): string {
  return { address: 'ADDR', duration: 'DURATION', size: 'SIZE' }[label] ?? 'VALUE';
}

const output: FlagSpec = {
  name: 'output',
  short: 'o',
  value: 'text|json',
  words: ['text', 'json'],
  doc: 'output format (text)',
};
const admin: FlagSpec = {
  name: 'admin',
  value: 'ADDR',
  doc: 'admin address of the running sidecar (127.0.0.1:15000)',
  variable: 'OUTRIGGER_ADMIN',
};

/** Flags that select the admin server of a running sidecar. */
const adminFlags: readonly FlagSpec[] = [
  admin,
  {
    name: 'admin-token-file',
    value: 'FILE',
    doc: 'file with the admin token, for a sidecar on another machine',
    variable: 'OUTRIGGER_ADMIN_TOKEN_FILE',
  },
  {
    name: 'admin-tls-ca',
    value: 'FILE',
    doc: 'use TLS, and verify the admin server with this CA certificate, PEM',
  },
  { name: 'admin-tls-cert', value: 'FILE', doc: 'client certificate for the admin server, PEM' },
  { name: 'admin-tls-key', value: 'FILE', doc: 'private key of the client certificate, PEM' },
];

/** Every command with its flags. Parsing, help and suggestions all use this table. */
export const commands = {
  run: {
    summary: 'run the sidecar',
    usage: '(--config FILE | --from ADDR --to TARGET ...) [options]',
    detail: [
      'Accepts calls on its listeners and balances each of them over the replicas of a cluster.',
      'A flag overrides its environment variable, and the variable overrides the file.',
      '',
      'Signals:',
      '  SIGTERM, SIGINT, SIGQUIT  drain, then exit; a second one, a second or more later, ends the drain',
      '  SIGHUP                    reload the configuration and reopen the access log',
      '  SIGUSR1                   reopen the access log',
      '',
      'Exit codes:',
      '  0  drained, and every call in flight finished',
      '  1  could not start, or terminated calls when the drain ended',
      '  2  the command line or the configuration is wrong',
    ],
    examples: [
      'outrigger run --config outrigger.yaml',
      'outrigger run --from 127.0.0.1:15001 --to 127.0.0.1:50051,127.0.0.1:50052,weight=2',
      'outrigger run --from 127.0.0.1:15001 --to dns:///orders:50051',
    ],
    flags: [config, ...targets, ...settingFlags],
  },
  demo: {
    summary: 'run three replicas, a sidecar and a load generator, and show the live page',
    usage: '[options]',
    detail: [
      'Requires nothing else to run. Each second it prints calls, errors, latency and the share of each',
      'replica. Ctrl-C ends the demo and prints a summary.',
    ],
    examples: ['outrigger demo', 'outrigger demo --seconds 10'],
    flags: [
      {
        name: 'seconds',
        value: 'N',
        doc: 'end the demo after N seconds (never)',
        variable: 'DEMO_SECONDS',
      },
      { ...admin, doc: 'address of the live page (127.0.0.1:15000)' },
    ],
  },
  validate: {
    summary: 'check a configuration and show all errors',
    usage: '--config FILE [options]',
    detail: [
      'Reads the same file, flags and environment variables as run, and starts nothing.',
      'Exit codes: 0 the configuration is valid, 2 it is not.',
    ],
    examples: ['outrigger validate --config outrigger.yaml', 'outrigger validate outrigger.yaml -o json'],
    flags: [config, ...targets, ...settingFlags, output],
    positional: 'FILE',
  },
  schema: {
    summary: 'print the JSON Schema of the configuration',
    usage: '[options]',
    detail: ['Editors use the schema to complete and check configuration files.'],
    examples: ['outrigger schema > outrigger.schema.json'],
    flags: [
      {
        name: 'output',
        short: 'o',
        value: 'json|markdown',
        words: ['json', 'markdown'],
        doc: 'json prints the JSON Schema, markdown prints the reference page (json)',
      },
    ],
  },
  version: {
    summary: 'print the version',
    usage: '[options]',
    detail: [],
    examples: ['outrigger version -o json'],
    flags: [output],
  },
  endpoints: {
    summary: 'show the endpoints of a running sidecar, with health and load',
    usage: '[options]',
    detail: [],
    examples: ['outrigger endpoints', 'outrigger endpoints --admin 127.0.0.1:15000 -o json'],
    flags: [...adminFlags, output],
  },
  stat: {
    summary: 'show calls, errors and latency of a running sidecar',
    usage: '[options]',
    detail: [],
    examples: ['outrigger stat', 'outrigger stat -o json'],
    flags: [...adminFlags, output],
  },
  drain: {
    summary: 'drain a running sidecar: finish the calls in flight and close its listeners',
    usage: '[options]',
    detail: [
      'Takes these steps, and shows the progress each second:',
      '  1. /ready answers 503. For drain.delay (5s), the sidecar still accepts new connections.',
      '  2. The listeners close. Calls in flight have drain.grace (10s) to finish.',
      '  3. The sidecar terminates the calls that are left.',
      '',
      'Until step 2, outrigger undrain cancels the drain. The process keeps running after the drain;',
      'send SIGTERM to stop it. Exit codes: 0 every call finished, 1 a call was terminated.',
    ],
    examples: ['outrigger drain', 'outrigger drain -o json'],
    flags: [...adminFlags, output],
  },
  undrain: {
    summary: 'cancel the drain of a running sidecar, before its listeners close',
    usage: '[options]',
    detail: [
      'Exit codes: 0 the sidecar serves requests (also if it was not draining), 1 the listeners have',
      'closed or the process is stopping.',
    ],
    examples: ['outrigger undrain', 'outrigger undrain --admin 127.0.0.1:15000 -o json'],
    flags: [...adminFlags, output],
  },
  ready: {
    summary: 'show whether a running sidecar is ready, or wait until it is ready',
    usage: '[options] [--usable [CLUSTER ...]]',
    detail: [
      'A sidecar is ready when it can take requests. --usable also requires a usable endpoint in each',
      'named CLUSTER, or in each cluster that a listener uses if none is named.',
      'Exit codes: 0 ready, 1 not ready (the reason is shown), 2 the sidecar has no such cluster.',
      '',
      'To start a service after its sidecar: outrigger ready --wait --usable && exec my-service',
    ],
    examples: [
      'outrigger ready',
      'outrigger ready --wait --timeout 30s',
      'outrigger ready --wait --usable orders payments',
    ],
    flags: [
      { name: 'wait', doc: 'wait until the sidecar is ready, even if its process has not started yet' },
      {
        name: 'usable',
        doc: 'require a usable endpoint in each CLUSTER (every cluster that a listener uses)',
      },
      { name: 'timeout', value: 'DURATION', doc: 'with --wait: longest time to wait (60s)' },
      ...adminFlags,
      output,
    ],
    positional: 'CLUSTER',
    positionalRepeated: true,
  },
  reload: {
    summary: 'reload the configuration of a running sidecar',
    usage: '[options]',
    detail: [
      'Applies the whole new configuration, or changes nothing and shows all errors.',
      'SIGHUP and, with run --watch, a change of the file do the same.',
      'Exit codes: 0 the configuration was applied, 1 it was refused.',
    ],
    examples: ['outrigger reload', 'outrigger reload --admin 127.0.0.1:15000 -o json'],
    flags: [...adminFlags, output],
  },
  help: {
    summary: 'show this help, or the help of a command',
    usage: '[COMMAND]',
    detail: [],
    examples: ['outrigger help run'],
    flags: [],
    positional: 'COMMAND',
  },
} as const satisfies Record<string, CommandSpec>;

export type CommandName = keyof typeof commands;

export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(commands, name);
}
