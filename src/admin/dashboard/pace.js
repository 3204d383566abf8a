/** What comes every second and need not be read every second is shown this often, milliseconds. */
export const slowMs = 2_000;

/**
 * Returns a function that says whether work is due: once in each span of `everyMs`, the spans of all being the same, so that what
 * changes changes together and the browser paints once. 0 is always.
 */
export function createPace(everyMs) {
  let latest = -1;
  return () => {
    if (everyMs === 0) return true;
    const span = Math.floor(performance.now() / everyMs);
    if (span === latest) return false;
    latest = span;
    return true;
  };
}
