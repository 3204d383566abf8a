/**
 * The regular expressions that routes may use, as a tree: the part of the usual syntax that describes a regular
 * language, so that it can be matched in linear time. No look-around and no back-references.
 */

/** One bit for each of the 256 bytes. */
export type ByteSet = Uint8Array;

export type RegexNode =
  | { readonly kind: 'byte'; readonly set: ByteSet }
  | { readonly kind: 'sequence'; readonly items: readonly RegexNode[] }
  | { readonly kind: 'choice'; readonly items: readonly RegexNode[] }
  /** `max` is Infinity for `*`, `+` and `{n,}`. `lazy` prefers fewer, which only captures can show. */
  | {
      readonly kind: 'repeat';
      readonly item: RegexNode;
      readonly min: number;
      readonly max: number;
      readonly lazy: boolean;
    };

export type RegexSyntaxResult =
  /** `groups` has the node of each plain group, in the order of their opening parentheses. */
  | { value: RegexNode; groups: readonly RegexNode[]; error?: undefined }
  | { value?: undefined; error: string };

/** Longer patterns are refused: a route that needs more requires several routes. */
export const regexPatternCharsMax = 1024;
/** The largest count in `{n,m}`. */
export const regexCountMax = 255;
/** How deep groups may nest; bounds the recursion here and of everything that walks the tree. */
export const regexDepthMax = 32;

const byteValues = 256;

/** Parses a pattern that is to match a whole text; `^` at its start and `$` at its end change nothing. Never throws. */
export function parseRegex(pattern: string): RegexSyntaxResult {
  if (pattern.length > regexPatternCharsMax)
    return { error: `the pattern has ${pattern.length} characters; ${regexPatternCharsMax} are allowed` };
  const parser = new Parser(pattern);
  const value = parser.choice(0);
  if (parser.error === '' && parser.at < pattern.length) parser.fail('")" without "("');
  return parser.error === '' ? { value, groups: parser.groups } : { error: parser.error };
}

const anyByte = byteSet((o) => o !== 0x0a && o !== 0x0d);
const digit = byteSet((o) => o >= 0x30 && o <= 0x39);
const word = byteSet((o) => digit[o] === 1 || o === 0x5f || isLetter(o));
const space = byteSet((o) => o === 0x20 || (o >= 0x09 && o <= 0x0d) || o === 0xa0);
const shorthand: Readonly<Record<string, ByteSet>> = {
  d: digit,
  D: complement(digit),
  w: word,
  W: complement(word),
  s: space,
  S: complement(space),
};
const controls: Readonly<Record<string, number>> = { t: 0x09, n: 0x0a, v: 0x0b, f: 0x0c, r: 0x0d };
/** The set of each byte alone, shared by all patterns and never written to: 10,000 routes would make 200,000 of them. */
const singles: readonly ByteSet[] = Array.from({ length: byteValues }, (_, only) =>
  byteSet((o) => o === only),
);
const empty: RegexNode = { kind: 'sequence', items: [] };

/** Recursive descent. After the first error it runs to an end quickly: `error` stops every loop. */
class Parser {
  at = 0;
  error = '';
  readonly groups: RegexNode[] = [];
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  fail(what: string): RegexNode {
    if (this.error === '') this.error = `${what} at character ${this.at + 1}`;
    return empty;
  }

  choice(depth: number): RegexNode {
    if (depth > regexDepthMax) return this.fail(`groups nest deeper than ${regexDepthMax}`);
    const items = [this.sequence(depth)];
    while (this.error === '' && this.text[this.at] === '|') {
      this.at++;
      items.push(this.sequence(depth));
    }
    return items.length === 1 ? items[0] : { kind: 'choice', items };
  }

  private sequence(depth: number): RegexNode {
    const items: RegexNode[] = [];
    while (this.error === '' && this.at < this.text.length) {
      const c = this.text[this.at];
      if (c === '|' || c === ')') break;
      if ((c === '^' && this.at === 0) || (c === '$' && this.at === this.text.length - 1)) this.at++;
      else items.push(this.quantified(this.atom(depth)));
    }
    return items.length === 1 ? items[0] : { kind: 'sequence', items };
  }

  private atom(depth: number): RegexNode {
    const c = this.text[this.at];
    if (c === '(') return this.group(depth);
    if (c === '[') return this.set();
    if (c === '.') return this.byte(anyByte, 1);
    if (c === '\\') return { kind: 'byte', set: this.escape() };
    if (c === '*' || c === '+' || c === '?') return this.fail(`"${c}" has nothing to repeat`);
    if (c === '^' || c === '$')
      return this.fail(`"${c}" can stand only at an end, and says nothing there; write "\\${c}" for itself`);
    if (c === '{' || c === '}' || c === ']') return this.fail(`write "\\${c}" for "${c}" itself`);
    return this.byte(this.single(c), 1);
  }

  private byte(set: ByteSet, chars: number): RegexNode {
    this.at += chars;
    return { kind: 'byte', set };
  }

  private group(depth: number): RegexNode {
    this.at++;
    const number = this.text[this.at] === '?' ? -1 : this.groups.push(empty) - 1;
    if (this.text[this.at] === '?') {
      if (this.text[this.at + 1] !== ':')
        return this.fail('only plain groups and "(?:" are known, no look-around, names or flags');
      this.at += 2;
    }
    const node = this.choice(depth + 1);
    if (this.error === '' && this.text[this.at] !== ')') return this.fail('a "(" is not closed');
    this.at++;
    if (number >= 0) this.groups[number] = node;
    return node;
  }

  private quantified(item: RegexNode): RegexNode {
    if (this.error !== '') return item;
    let min: number;
    let max: number;
    const c = this.text[this.at];
    if (c === '*' || c === '+' || c === '?') {
      min = c === '+' ? 1 : 0;
      max = c === '?' ? 1 : Number.POSITIVE_INFINITY;
      this.at++;
    } else if (c === '{') {
      const found = /^\{(\d{1,3})(,(\d{0,3}))?\}/.exec(this.text.slice(this.at, this.at + 9));
      if (found === null) return this.fail('write a count as {2}, {2,} or {2,5}');
      min = Number(found[1]);
      max = found[2] === undefined ? min : found[3] === '' ? Number.POSITIVE_INFINITY : Number(found[3]);
      if (min > regexCountMax || (max !== Number.POSITIVE_INFINITY && max > regexCountMax))
        return this.fail(`a count is above ${regexCountMax}`);
      if (max < min) return this.fail('a count ends before it begins');
      this.at += found[0].length;
    } else return item;
    const lazy = this.text[this.at] === '?';
    if (lazy) this.at++;
    if (/[*+{]/.test(this.text[this.at] ?? '')) return this.fail('a quantifier follows a quantifier');
    return { kind: 'repeat', item, min, max, lazy };
  }

  /** `[...]`, with ranges, escapes and negation. */
  private set(): RegexNode {
    this.at++;
    const negated = this.text[this.at] === '^';
    if (negated) this.at++;
    const set = new Uint8Array(byteValues);
    while (this.error === '' && this.text[this.at] !== ']') {
      if (this.at >= this.text.length) return this.fail('a "[" is not closed');
      const from = this.member();
      if (this.text[this.at] === '-' && this.at + 1 < this.text.length && this.text[this.at + 1] !== ']') {
        this.at++;
        this.range(set, from, this.member());
      } else for (let o = 0; o < byteValues; o++) set[o] |= from[o];
    }
    return this.byte(negated ? complement(set) : set, 1);
  }

  private range(set: ByteSet, from: ByteSet, to: ByteSet): void {
    const first = onlyByte(from);
    const last = onlyByte(to);
    if (first < 0 || last < first) this.fail('a range must run from a lower to a higher character');
    else set.fill(1, first, last + 1);
  }

  private member(): ByteSet {
    const c = this.text[this.at];
    if (c === '\\') return this.escape();
    const set = this.single(c);
    this.at++;
    return set;
  }

  /** At a backslash; moves past the escape. */
  private escape(): ByteSet {
    const c = this.text[this.at + 1] ?? '';
    const hex = c === 'x' ? /^[0-9a-fA-F]{2}/.exec(this.text.slice(this.at + 2, this.at + 4)) : null;
    let set: ByteSet | undefined = shorthand[c];
    if (hex !== null) set = singles[Number.parseInt(hex[0], 16)];
    else if (set === undefined && controls[c] !== undefined) set = singles[controls[c]];
    else if (set === undefined && /^[^0-9A-Za-z]$/.test(c)) set = this.single(c);
    if (set === undefined) {
      this.fail(`"\\${c}" is not known here`);
      return anyByte;
    }
    this.at += hex === null ? 2 : 4;
    return set;
  }

  private single(c: string): ByteSet {
    const code = c.charCodeAt(0);
    // What a path or header carries beyond ASCII is bytes in some encoding; a pattern would match half a character.
    if (code > 0x7f) this.fail(`"${c}" is not ASCII; write its bytes as %C3%A9 or \\xC3\\xA9`);
    return singles[code & 0xff];
  }
}

function byteSet(has: (byte: number) => boolean): ByteSet {
  return Uint8Array.from({ length: byteValues }, (_, byte) => (has(byte) ? 1 : 0));
}

function complement(set: ByteSet): ByteSet {
  return set.map((bit) => 1 - bit);
}

/** The one byte of a set, or -1 where it has none or several. */
export function onlyByte(set: ByteSet): number {
  const first = set.indexOf(1);
  return first === set.lastIndexOf(1) ? first : -1;
}

function isLetter(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}
