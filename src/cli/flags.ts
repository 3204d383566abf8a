import type { ConfigFlags } from '../config/load.ts';
import { settings, sourceVariables } from '../config/settings.ts';
import type { AdminFlags, AskArguments } from './admin-target.ts';
import type { FlagSpec, Given } from './command.ts';
import type { OutputFormat } from './io.ts';

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

/** Flags that name a configuration: the file, or addresses without a file. */
export const sourceFlags: readonly FlagSpec[] = [config, ...targets];

/** Flags of a command that reads a configuration: the file, or addresses without a file, and single settings. */
export const configFlags: readonly FlagSpec[] = [...sourceFlags, ...settingFlags];

/** Returns `configFlags` in the form that the configuration loader takes: file, targets, and settings by the table's flags. */
export function configFlagsOf({ one, many }: Given): ConfigFlags {
  const { config: file, from, to: _to, output: _output, ...others } = one;
  return { config: file, from, to: many.to, settings: others };
}

export const output: FlagSpec = {
  name: 'output',
  short: 'o',
  value: 'text|json',
  words: ['text', 'json'],
  doc: 'output format (text)',
};

export function outputOf(one: Given['one']): OutputFormat {
  return one.output === 'json' ? 'json' : 'text';
}

export const admin: FlagSpec = {
  name: 'admin',
  value: 'ADDR',
  doc: 'admin address of the running sidecar (127.0.0.1:15000)',
  variable: 'OUTRIGGER_ADMIN',
};

/** Flags that select the admin server of a running sidecar. */
export const adminFlags: readonly FlagSpec[] = [
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

function adminFlagsOf(one: Given['one']): AdminFlags {
  const given = {
    adminTokenFile: one['admin-token-file'],
    adminTlsCa: one['admin-tls-ca'],
    adminTlsCert: one['admin-tls-cert'],
    adminTlsKey: one['admin-tls-key'],
  };
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  return { admin: one.admin, ...Object.fromEntries(entries) };
}

/** Returns the values of `adminFlags` and `output`, which every command takes that asks a running sidecar. */
export function askArguments(one: Given['one']): AskArguments {
  return { ...adminFlagsOf(one), output: outputOf(one) };
}
