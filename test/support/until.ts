/** Polls until something holds; rejects with what `otherwise` says when it does not in time. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  otherwise: () => string,
  withinMs = 4000,
): Promise<void> {
  const endMs = performance.now() + withinMs;
  for (;;) {
    if (await holds()) return;
    if (performance.now() > endMs) throw new Error(`not within ${withinMs} ms: ${otherwise()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
