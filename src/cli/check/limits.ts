import type { Clock } from '../../core/clock.ts';

/** Endpoints of one cluster that are checked; further ones are counted. */
export const endpointsMax = 256;
/** Endpoints that are checked at the same time. */
const concurrentMax = 64;

export interface CheckDeps {
  readonly clock: Clock;
  /** For each single check, milliseconds. */
  readonly timeoutMs: number;
}

/** What `within` gives when the time is over. */
export const late = Symbol('late');

/** Waits for a promise for at most `timeoutMs`. What comes later is ignored, errors as well. */
export function within<T>(promise: Promise<T>, { clock, timeoutMs }: CheckDeps): Promise<T | typeof late> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(timeoutMs, () => resolve(late));
    promise.then(
      (value) => {
        timer.cancel();
        resolve(value);
      },
      (error) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}

/** Runs all tasks, at most `concurrentMax` at a time, and returns their results in order. */
export async function runAll<T>(tasks: ReadonlyArray<() => Promise<T>>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < tasks.length) {
      const i = next++;
      results[i] = await tasks[i]();
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrentMax, tasks.length) }, worker));
  return results;
}
