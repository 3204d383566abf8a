import { settings, sourceVariables } from '../config/settings.ts';

/** What may follow `--name`, or that nothing may. */
export interface FlagSpec {
  /** Without the dashes. */
  readonly name: string;
  readonly short?: string;
  /** Word for its value in help, `FILE`; undefined for a flag without one. */
  readonly value?: string;
  /** Allowed values, where they are few. */
  readonly words?: readonly string[];
  readonly repeated?: boolean;
  /** Whether its value is a list, which a comma at its end continues in the next argument. */
  readonly list?: boolean;
  readonly doc: string;
  /** The variable that says the same. */
  readonly variable?: string;
}

export interface CommandSpec {
  readonly summary: string;
  /** What follows the command's name in its usage line. */
  readonly usage: string;
  /** Paragraphs for its own help. */
  readonly detail: readonly string[];
  readonly examples: readonly string[];
  readonly flags: readonly FlagSpec[];
  /** Word for an argument without a flag; none unless named. */
  readonly positional?: string;
  /** There may be more than one of it. */
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
  { name: 'from', value: 'ADDR', doc: 'without a file: where to listen', variable: sourceVariables.from },
  {
    name: 'to',
    value: 'TARGET',
    repeated: true,
    list: true,
    doc: 'replicas, host:port[,weight=N] separated by commas, or dns:///host:port; may be repeated',
    variable: sourceVariables.to,
  },
];
/** Settings of the configuration that have a flag, straight from its table. */
const settingFlags: readonly FlagSpec[] = settings.flatMap(({ shape, variable }) => {
  if (shape.flag === undefined) return [];
  const { label } = shape.type;
  // What is on or off needs no value: to be named is to be on.
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

/** How to reach the admin server of the running sidecar. */
const adminFlags: readonly FlagSpec[] = [
  admin,
  {
    name: 'admin-token-file',
    value: 'FILE',
    doc: 'file with the admin token, for a sidecar on another machine',
    variable: 'OUTRIGGER_ADMIN_TOKEN_FILE',
  },
  { name: 'admin-tls-ca', value: 'FILE', doc: 'use TLS; authority of the admin server, PEM' },
  { name: 'admin-tls-cert', value: 'FILE', doc: 'client certificate for the admin server, PEM' },
  { name: 'admin-tls-key', value: 'FILE', doc: 'its private key, PEM' },
];

/** Every command with its flags: parsing, help and suggestions come from here. */
export const commands = {
  run: {
    summary: 'run the sidecar',
    usage: '(--config FILE | --from ADDR --to TARGET ...) [options]',
    detail: [
      'Sends each call that arrives to one of the replicas behind it.',
      'Runs until SIGTERM, SIGINT or SIGQUIT, then drains. SIGHUP reloads, SIGUSR1 reopens the access log.',
      'A second signal, a second or more later, ends the drain at once.',
      'A flag overrides the environment variable, the variable overrides the file.',
      'Exit codes: 0 drained, 1 could not start or terminated calls, 2 wrong command line or configuration.',
    ],
    examples: [
      'outrigger run --config outrigger.yaml',
      'outrigger run --from 127.0.0.1:15001 --to 127.0.0.1:50051,127.0.0.1:50052,weight=2',
      'outrigger run --from 127.0.0.1:15001 --to dns:///orders:50051',
    ],
    flags: [config, ...targets, ...settingFlags],
  },
  demo: {
    summary: 'three replicas, the sidecar, a load and the live page, with nothing else running',
    usage: '[options]',
    detail: ['Prints a line a second with calls, errors, latency and the share of each replica.'],
    examples: ['outrigger demo', 'outrigger demo --seconds 10'],
    flags: [
      {
        name: 'seconds',
        value: 'N',
        doc: 'end by itself after N seconds, with a summary (never)',
        variable: 'DEMO_SECONDS',
      },
      { ...admin, doc: 'address of the live page (127.0.0.1:15000)' },
    ],
  },
  validate: {
    summary: 'check a configuration and show everything that is wrong with it',
    usage: '--config FILE [options]',
    detail: ['Reads the same file, flags and variables as run, starts nothing, and ends with 0 or 2.'],
    examples: ['outrigger validate --config outrigger.yaml', 'outrigger validate outrigger.yaml -o json'],
    flags: [config, ...targets, ...settingFlags, output],
    positional: 'FILE',
  },
  schema: {
    summary: 'print the JSON Schema of the configuration',
    usage: '[options]',
    detail: ['An editor completes and checks the file with it.'],
    examples: ['outrigger schema > outrigger.schema.json'],
    flags: [
      {
        name: 'output',
        short: 'o',
        value: 'json|markdown',
        words: ['json', 'markdown'],
        doc: 'JSON Schema, or the reference page (json)',
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
    summary: 'show the endpoints of a running sidecar, their health and load',
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
    summary: 'make a running sidecar finish its calls and take no new ones',
    usage: '[options]',
    detail: [
      'Readiness fails at once. New connections are served for drain.delay (5s), then the listeners',
      'close and calls in flight finish within drain.grace (10s). Until the listeners close,',
      'outrigger undrain takes it back.',
      'Shows once a second what it waits for, then how many calls were terminated and finished.',
      'The process stays; SIGTERM ends it. The exit code is 1 if a call was terminated.',
    ],
    examples: ['outrigger drain', 'outrigger drain -o json'],
    flags: [...adminFlags, output],
  },
  undrain: {
    summary: 'take back the drain of a running sidecar, until its listeners have closed',
    usage: '[options]',
    detail: [
      'Ends with 0 when the sidecar serves as before, also where it did not drain, and with 1 when',
      'the listeners have closed or the process is stopping.',
    ],
    examples: ['outrigger undrain', 'outrigger undrain --admin 127.0.0.1:15000 -o json'],
    flags: [...adminFlags, output],
  },
  ready: {
    summary: 'show whether a running sidecar is ready, or wait until it is',
    usage: '[options] [--usable [CLUSTER ...]]',
    detail: [
      'Ends with 0 once it is, and with 1 and the reason where it is not.',
      'Ready means that Outrigger can take calls. With --usable each of the named clusters, or each',
      'that a listener uses, must also have a usable endpoint. Put it in front of a service that',
      'calls others when it starts: outrigger ready --wait --usable && exec my-service.',
    ],
    examples: [
      'outrigger ready',
      'outrigger ready --wait --timeout 30s',
      'outrigger ready --wait --usable orders payments',
    ],
    flags: [
      { name: 'wait', doc: 'wait until it is ready, even for a process that is yet to start' },
      {
        name: 'usable',
        doc: 'each CLUSTER must have a usable endpoint (every cluster that a listener uses)',
      },
      { name: 'timeout', value: 'DURATION', doc: 'with --wait: how long to wait at the most (60s)' },
      ...adminFlags,
      output,
    ],
    positional: 'CLUSTER',
    positionalRepeated: true,
  },
  reload: {
    summary: 'make a running sidecar reload its configuration',
    usage: '[options]',
    detail: [
      'All of it is applied, or nothing changes and every reason is shown; then the exit code is 1.',
      'SIGHUP does the same, and so does a change of the file with run --watch.',
    ],
    examples: ['outrigger reload', 'outrigger reload --admin 127.0.0.1:15000 -o json'],
    flags: [...adminFlags, output],
  },
  help: {
    summary: 'show help, for one command if it is named',
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
