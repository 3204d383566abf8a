/**
 * Returns whether a name matches a filter that a user wrote. The filter is one or several patterns, separated by commas; `*`
 * stands for any text, and upper and lower case are the same. The time that it takes grows with the length of pattern and name
 * only, whatever the pattern.
 *
 * @example
 * const isOrders = namePattern('orders*,shop');
 * isOrders('Orders-canary'); // true
 * isOrders('my-orders'); // false
 */
export function namePattern(filter: string): (name: string) => boolean {
  const patterns = filter
    .toLowerCase()
    .split(',')
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== '')
    .map((pattern) => pattern.split('*'));
  return (name) => {
    const lower = name.toLowerCase();
    return patterns.some((parts) => hasParts(lower, parts));
  };
}

/** Whether the name is these parts in order, the first at its start and the last at its end, with any text between them. */
export function hasParts(name: string, parts: readonly string[]): boolean {
  const [first, ...rest] = parts;
  const last = rest.pop();
  if (last === undefined) return name === first;
  if (!name.startsWith(first) || name.length < first.length + last.length || !name.endsWith(last))
    return false;
  let at = first.length;
  const end = name.length - last.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    // The earliest place leaves the most room for the parts behind it.
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
