/**
 * How long a test waits for what must happen, milliseconds: long enough for a machine with ten other busy processes, so that
 * a wait which ends is a fault. Where the time itself is judged, the test says how long.
 */
export const patienceMs = 30_000;

/** Polls until something holds; rejects with what `otherwise` says when it does not in time. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  otherwise: () => string,
  withinMs = patienceMs,
): Promise<void> {
  const endMs = performance.now() + withinMs;
  for (;;) {
    if (await holds()) return;
    if (performance.now() > endMs) throw new Error(`not within ${withinMs} ms: ${otherwise()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
