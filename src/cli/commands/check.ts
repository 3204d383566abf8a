import { parseDuration } from '../../core/units.ts';
import { shown } from '../../schema/problem.ts';
import type { CheckArguments } from '../check/check.ts';
import type { Command } from '../command.ts';
import { adminFlags, askArguments, output, sourceFlags } from '../flags.ts';

const timeoutDefault = '3s';

export const check: Command<CheckArguments> = {
  name: 'check',
  summary: 'check a configuration before it runs, or a running sidecar, with its endpoints',
  usage: '[--config FILE] [options]',
  detail: [
    'Checks DNS, ports, TLS (chain, name and expiry of each certificate, ALPN), HTTP/2 (stream limit,',
    'keepalive), health, clocks, file descriptors and memory. Shows ok, warning or failed for each,',
    'and how to fix what is wrong. docs/check.md explains each check.',
    '',
    'With --config or --to, checks what a sidecar with this configuration would meet on this machine,',
    'and starts none. Without, checks the running sidecar at --admin. It opens a few connections to each',
    'endpoint, sends its health check, and changes nothing.',
    'Exit codes: 0 no check failed, 1 a check failed, 2 the configuration is wrong, 3 no sidecar answers.',
  ],
  examples: [
    'outrigger check --config outrigger.yaml',
    'outrigger check',
    'outrigger check -o json | jq \'.findings[] | select(.result != "ok")\'',
  ],
  flags: [
    ...sourceFlags,
    { name: 'timeout', value: 'DURATION', doc: `maximum time for each check (${timeoutDefault})` },
    ...adminFlags,
    output,
  ],
  positional: 'FILE',
  parse({ one, many, positional }) {
    const timeout = parseDuration(one.timeout ?? timeoutDefault);
    if (timeout.value === undefined) return { error: `--timeout: ${timeout.error}` };
    if (timeout.value <= 0) return { error: '--timeout: 0 is too short; write a duration such as 3s' };
    if (positional !== undefined && one.config !== undefined)
      return {
        error: `the file is given twice, as ${shown(positional)} and with --config; write one of them`,
      };
    const file = positional ?? one.config;
    const hasSource = file !== undefined || one.from !== undefined || many.to !== undefined;
    const admin: Record<string, string> = one.admin === undefined ? {} : { admin: one.admin };
    const config = hasSource ? { config: file, from: one.from, to: many.to, settings: admin } : undefined;
    return {
      value: {
        ...askArguments(one),
        config,
        timeoutMs: timeout.value,
      },
    };
  },
  run: async (args, { io, env }) => (await import('../check/check.ts')).check(args, io, env),
};
