import { availableParallelism, freemem, hostname, loadavg, release, totalmem } from 'node:os';
import { stringify } from 'yaml';
import { formatAddress } from '../../core/address.ts';
import type { Clock } from '../../core/clock.ts';
import { isoTime } from '../../core/iso-time.ts';
import { masked } from '../../core/secret-keys.ts';
import { type AdminAnswer, askAdmin } from '../admin-client.ts';
import type { AdminTarget } from '../admin-target.ts';
import { checkReport, checkText } from '../check/check-text.ts';
import { checkSidecar } from '../check/sidecar.ts';
import { packageVersion } from '../version.ts';
import { redactJson, redactText } from './redact.ts';

/** Characters of one part; a longer one is truncated. */
const partCharsMax = 8 * 1024 * 1024;
const checkTimeoutMs = 2_000;

/** What a support bundle contains, by the names of its files. */
export interface Bundle {
  readonly parts: Readonly<Record<string, string>>;
  /** Parts that could not be collected, with the reason. */
  readonly missing: Readonly<Record<string, string>>;
}

interface Part {
  readonly file: string;
  readonly path: string;
  readonly about: string;
  readonly toText: 'json' | 'yaml' | 'text';
}

/** What the sidecar is asked for. */
export const parts: readonly Part[] = [
  {
    file: 'server-info.json',
    path: '/server_info',
    about: 'versions, state, uptime, reloads',
    toText: 'json',
  },
  { file: 'ready.json', path: '/ready', about: 'whether the sidecar is ready, and why not', toText: 'json' },
  {
    file: 'config.yaml',
    path: '/config_dump',
    about: 'the active configuration with its defaults',
    toText: 'yaml',
  },
  {
    file: 'clusters.json',
    path: '/clusters',
    about: 'each endpoint: health, weight, share, latency',
    toText: 'json',
  },
  {
    file: 'listeners.json',
    path: '/listeners',
    about: 'addresses, connections, calls in flight',
    toText: 'json',
  },
  { file: 'routes.json', path: '/routes', about: 'routes and their policies', toText: 'json' },
  { file: 'stats.json', path: '/stats', about: 'totals and counters', toText: 'json' },
  { file: 'calls.json', path: '/traces', about: 'recent, slow and failed calls', toText: 'json' },
  { file: 'memory.json', path: '/memory', about: 'memory, open sockets and timers', toText: 'json' },
  { file: 'metrics.txt', path: '/metrics', about: 'Prometheus metrics', toText: 'text' },
];

/**
 * Collects everything that somebody who helps from afar needs of a running sidecar, without secrets. A part that cannot be
 * collected is named with the reason; the error is that nobody answered at all.
 */
export async function collect(target: AdminTarget, clock: Clock): Promise<AdminAnswer<Bundle>> {
  const alive = await askAdmin(target, '/server_info');
  if (alive.error !== undefined) return alive;
  const found: Record<string, string> = {};
  const missing: Record<string, string> = {};
  const answers = parts.map(async ({ file, path, toText }) => {
    const answer = await askAdmin(target, path, { text: toText === 'text' });
    if (answer.error === undefined) found[file] = textOf(answer.value, toText);
    else missing[file] = redactText(answer.error);
  });
  const checked = checkSidecar(target, { clock, timeoutMs: checkTimeoutMs }).then(({ value, error }) => {
    if (value === undefined) missing['check.txt'] = redactText(error);
    else found['check.txt'] = redactText(checkText(checkReport(value), false));
  });
  await Promise.all([...answers, checked]);
  const order = ['check.txt', ...parts.map(({ file }) => file)];
  const collected = order.flatMap((file) => (file in found ? [[file, found[file]] as const] : []));
  const bundle = Object.fromEntries([['README.txt', readme(target, clock, missing)], ...collected]);
  return { value: withoutToken({ parts: bundle, missing }, target) };
}

function textOf(value: unknown, toText: Part['toText']): string {
  if (toText === 'text') return bounded(redactText(String(value)));
  const plain = redactJson(value);
  return bounded(toText === 'yaml' ? stringify(plain) : `${JSON.stringify(plain, null, 2)}\n`);
}

function bounded(text: string): string {
  if (text.length <= partCharsMax) return text;
  return `${text.slice(0, partCharsMax)}\n(${text.length - partCharsMax} characters more were left out)\n`;
}

function readme({ address }: AdminTarget, clock: Clock, missing: Record<string, string>): string {
  const width = Math.max(...parts.map(({ file }) => file.length));
  const lines = [
    `Support bundle of Outrigger, ${isoTime(clock.wallMs())}`,
    '',
    `sidecar   ${formatAddress(address)}`,
    `command   Outrigger ${packageVersion()}, Node ${process.versions.node}`,
    `machine   ${hostname()}: ${process.platform} ${release()} ${process.arch}, ${availableParallelism()} processors, ${mebibytes(freemem())} of ${mebibytes(totalmem())} MiB of memory free, load ${loadavg()
      .map((load) => load.toFixed(2))
      .join(' ')}`,
    '',
    `Secrets were replaced by ${masked}: passwords, tokens, private keys, credentials in URLs and in error messages.`,
    'Names of hosts, services and methods, and addresses of clients are included. Read the files before you send them.',
    'Add the log of the sidecar around the time of the problem; this command cannot read it.',
    '',
    `${'check.txt'.padEnd(width)}  what outrigger check finds`,
    ...parts.map(({ file, about }) => `${file.padEnd(width)}  ${about}`),
    ...Object.entries(missing).map(([file, why]) => `\n${file} is missing: ${why}`),
  ];
  return `${lines.join('\n')}\n`;
}

function mebibytes(bytes: number): string {
  return String(Math.round(bytes / 1024 / 1024));
}

/** The token of this command is a secret as well, should the sidecar repeat it. */
function withoutToken(bundle: Bundle, { token }: AdminTarget): Bundle {
  if (token === undefined) return bundle;
  const without = (texts: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(Object.entries(texts).map(([file, text]) => [file, text.replaceAll(token, masked)]));
  return { parts: without(bundle.parts), missing: without(bundle.missing) };
}
