import type { Result } from '../core/result.ts';
import { parseDuration } from '../core/units.ts';
import type { FlagSpec, Given } from './command.ts';

const watchMsDefault = 2000;
const watchMsMin = 100;
const watchMsMax = 3_600_000;

/** Flags of a command that can repeat its answer. */
export const watchFlags: readonly FlagSpec[] = [
  { name: 'watch', short: 'w', doc: 'repeat until Ctrl-C' },
  { name: 'interval', value: 'DURATION', doc: 'with --watch: time between two answers (2s)' },
];

/** Returns the values of `watchFlags`. */
export function watchMsOf(one: Given['one'], command: string): Result<number | undefined> {
  if (one.watch === undefined) {
    if (one.interval === undefined) return { value: undefined };
    return {
      error: `--interval requires --watch; write outrigger ${command} --watch --interval ${one.interval}`,
    };
  }
  if (one.interval === undefined) return { value: watchMsDefault };
  const { value, error } = parseDuration(one.interval);
  if (error !== undefined) return { error: `--interval: ${error}` };
  if (value < watchMsMin || value > watchMsMax)
    return { error: `--interval: "${one.interval}" is out of range; write a duration from 100ms to 1h` };
  return { value };
}
