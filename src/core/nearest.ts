/** Names longer than this are not compared: nobody mistypes a known name into 64 characters. */
const nameCharsMax = 64;

/**
 * The known name that a mistyped one most likely means, or undefined where none is near: at most a third of its
 * letters may differ, counted as insertions, deletions, substitutions and swaps of neighbours. Case counts for nothing.
 */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  if (name.length > nameCharsMax) return undefined;
  const lower = name.toLowerCase();
  let nearest: string | undefined;
  let least = Math.max(1, Math.floor(lower.length / 3)) + 1;
  for (const candidate of known) {
    const text = candidate.toLowerCase();
    // `endpoint` for `endpoints`, `timeoutMs` for `timeout`: one holds the other whole.
    const near = text.length >= 4 && lower.length >= 4 && (text.startsWith(lower) || lower.startsWith(text));
    const distance = near ? Math.min(1, editDistance(lower, text)) : editDistance(lower, text);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

/** Optimal string alignment distance: Levenshtein's, where swapping two neighbours is one step. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, before[j - 2] + 1);
      row.push(least);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length];
}
