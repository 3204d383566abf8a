import type { Clock, Timer } from './clock.ts';

/** Calls back every `everyMs`, first after `firstMs`, until cancelled. Never keeps the process alive by itself. */
export function repeat(clock: Clock, everyMs: number, callback: () => void, firstMs = everyMs): Timer {
  let timer = clock.after(firstMs, fire);
  function fire(): void {
    // Before the call, which may cancel, and may throw without being the last for that.
    timer = clock.after(everyMs, fire);
    callback();
  }
  return { cancel: () => timer.cancel() };
}
