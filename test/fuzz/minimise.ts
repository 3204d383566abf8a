import type { FuzzTarget } from './target.ts';

/** What went wrong, cut to what stays the same while the input shrinks. */
export function problemOf(target: FuzzTarget, input: Uint8Array): string | null {
  try {
    target.run(input);
    return null;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

function kindOf(problem: string | null): string {
  return (problem ?? '').split('\n')[0].replaceAll(/\d+/g, 'n').slice(0, 60);
}

/**
 * A shorter input that fails in the same way: without whole records, then without bytes, then with zeros for what does
 * not matter. At most `triesMax` runs.
 */
export function minimise(target: FuzzTarget, input: Uint8Array, triesMax: number): Uint8Array {
  const kind = kindOf(problemOf(target, input));
  let best: Buffer = Buffer.from(input);
  let tries = 0;
  const attempt = (candidate: Buffer): boolean => {
    if (tries++ >= triesMax || kindOf(problemOf(target, candidate)) !== kind) return false;
    best = candidate;
    return true;
  };
  for (const unit of target.recordBytes > 1 ? [target.recordBytes, 1] : [1]) {
    for (let size = Math.max(unit, 2 ** Math.floor(Math.log2(best.length + 1)) * unit); ; ) {
      let shrunk = false;
      const head = unit > 1 ? target.headBytes : 0;
      for (let at = head; at < best.length && tries < triesMax; ) {
        const cut = Buffer.concat([best.subarray(0, at), best.subarray(at + size)]);
        if (attempt(cut)) shrunk = true;
        else at += size;
      }
      if (tries >= triesMax || (size === unit && !shrunk)) break;
      if (size > unit) size = Math.max(unit, Math.floor(size / 2 / unit) * unit);
    }
  }
  for (let at = 0; at < best.length && tries < triesMax; at++) {
    if (best[at] === 0) continue;
    const zeroed = Buffer.from(best);
    zeroed[at] = 0;
    attempt(zeroed);
  }
  return best;
}
