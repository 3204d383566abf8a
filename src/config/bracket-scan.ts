/** A bracket or a quote that has no partner, with offsets into the text. */
export type UnmatchedMark =
  | { readonly kind: 'quote'; readonly mark: string; readonly offset: number }
  /** `offset` is that of the opening bracket. */
  | { readonly kind: 'open'; readonly mark: string; readonly offset: number }
  /** A bracket that closes something else than what was opened last. */
  | {
      readonly kind: 'crossed';
      readonly mark: string;
      readonly offset: number;
      readonly opened: string;
      readonly openedAt: number;
    };

const closing: Readonly<Record<string, string>> = { '{': '}', '[': ']' };

/** The bracket that closes `{` or `[`. */
export function closingOf(mark: string): string {
  return closing[mark] ?? mark;
}

/**
 * Finds the first quote or bracket of a YAML or JSON text that has no partner. The parser reports where it gave up, which
 * for a missing bracket is most often the end of the file; a reader needs the place where it was opened.
 *
 * In block style a quote or bracket counts only where a value begins, since `it's [sic]` is plain text there.
 */
export function findUnmatched(text: string): UnmatchedMark | undefined {
  const open: { mark: string; offset: number }[] = [];
  let begins = true;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '\n') begins = begins || open.length === 0;
    else if (c === ' ' || c === '\t' || c === '\r') continue;
    else if (c === '#' && (i === 0 || /\s/.test(text[i - 1]))) i = endOfLine(text, i) - 1;
    else if ((c === '"' || c === "'") && begins) {
      const end = endOfQuote(text, i);
      if (end < 0) return { kind: 'quote', mark: c, offset: i };
      i = end;
      begins = false;
    } else if ((c === '{' || c === '[') && (begins || open.length > 0)) {
      open.push({ mark: c, offset: i });
      begins = true;
    } else if ((c === '}' || c === ']') && open.length > 0) {
      const last = open.pop()!;
      if (closingOf(last.mark) !== c)
        return { kind: 'crossed', mark: c, offset: i, opened: last.mark, openedAt: last.offset };
      begins = false;
    } else begins = startsValue(text, i, open.length > 0);
  }
  const last = open.pop();
  return last === undefined ? undefined : { kind: 'open', ...last };
}

/** Whether a value may begin after this character. */
function startsValue(text: string, i: number, inFlow: boolean): boolean {
  const c = text[i];
  const spaced = i + 1 >= text.length || /\s/.test(text[i + 1]);
  if (c === ':') return spaced || inFlow;
  return inFlow ? c === ',' : (c === '-' || c === '?') && spaced;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

/** Offset of the closing quote, or -1. */
function endOfQuote(text: string, from: number): number {
  const mark = text[from];
  for (let i = from + 1; i < text.length; i++) {
    if (mark === '"' && text[i] === '\\') i++;
    else if (text[i] === mark) {
      if (mark === "'" && text[i + 1] === mark) i++;
      else return i;
    }
  }
  return -1;
}
