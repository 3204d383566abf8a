import type { Result } from '../../core/result.ts';
import { parseDuration } from '../../core/units.ts';
import { shown } from '../../schema/problem.ts';
import { filterFlags, filtersOf } from '../call-groups/flags.ts';
import type { Command, Given } from '../command.ts';
import { adminFlags, askArguments, output } from '../flags.ts';
import type { CallList, TracesArguments } from '../traces.ts';
import { watchFlags, watchMsOf } from '../watch-flags.ts';

const limitDefault = 20;
/** More than a sidecar remembers. */
const limitMax = 1000;

/** Flags that choose a list of remembered calls. */
const lists: Readonly<Record<string, CallList>> = {
  failed: 'failed',
  slow: 'slow',
  'client-errors': 'clientErrors',
};

export const traces: Command<TracesArguments> = {
  name: 'traces',
  summary: 'show recent, slow and failed calls of a running sidecar',
  usage: '[options]',
  detail: [
    'Shows the calls that the sidecar remembers, newest first: the latest 256, and of the calls before',
    'them the latest failed and slow ones. In a filter, * stands for any text, and commas separate',
    'alternatives.',
  ],
  examples: [
    'outrigger traces --failed',
    'outrigger traces --slow --since 5m',
    'outrigger traces --method GetOrder --status UNAVAILABLE,503',
    "outrigger traces --client '10.42.*' --slower-than 100ms --watch",
    'outrigger traces --trace 4bf92f3577b34da6a3ce929d0e0e4736 -o json',
  ],
  flags: [
    { name: 'failed', doc: 'only calls that count as errors' },
    { name: 'slow', doc: 'only calls that took longer than 99% of the calls of their minute' },
    { name: 'client-errors', doc: 'only errors and cancellations of clients' },
    ...filterFlags,
    { name: 'trace', value: 'ID', doc: 'only the calls of this trace' },
    { name: 'slower-than', value: 'DURATION', doc: 'only calls that took at least as long' },
    { name: 'since', value: 'DURATION', doc: 'only calls that ended since then, such as 5m' },
    { name: 'limit', value: 'N', doc: `show at most N calls (${limitDefault})` },
    ...watchFlags,
    ...adminFlags,
    output,
  ],
  parse(given) {
    const { one } = given;
    const watchMs = watchMsOf(one, 'traces');
    if (watchMs.error !== undefined) return watchMs;
    const limit = limitOf(one);
    if (limit.error !== undefined) return limit;
    const slowerThan = durationOf(one, 'slower-than');
    if (slowerThan.error !== undefined) return slowerThan;
    const since = durationOf(one, 'since');
    if (since.error !== undefined) return since;
    const filters = {
      ...filtersOf(one),
      trace: one.trace,
      slowerThanMs: slowerThan.value ?? undefined,
      sinceMs: since.value ?? undefined,
    };
    const chosen = Object.keys(lists).filter((name) => one[name] !== undefined);
    return {
      value: {
        ...askArguments(one),
        watchMs: watchMs.value,
        lists: chosen.map((name) => lists[name]),
        limit: limit.value,
        filters,
      },
    };
  },
  run: async (args, { io, env }) => (await import('../traces.ts')).traces(args, io, env),
};

function limitOf({ limit }: Given['one']): Result<number> {
  const value = limit === undefined ? limitDefault : Number(limit);
  if (Number.isInteger(value) && value > 0 && value <= limitMax) return { value };
  return { error: `--limit: ${shown(limit)} is not a valid number; write a number from 1 to ${limitMax}` };
}

function durationOf(one: Given['one'], flag: string): Result<number | null> {
  if (one[flag] === undefined) return { value: null };
  const { value, error } = parseDuration(one[flag]);
  return error === undefined ? { value } : { error: `--${flag}: ${error}` };
}
