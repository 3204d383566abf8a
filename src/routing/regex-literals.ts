import { onlyByte, type RegexNode } from './regex-syntax.ts';

/** Where in a text a literal must stand. */
export type LiteralPlace = 'start' | 'end' | 'anywhere';

/** Bytes that every text has that a pattern matches. */
export interface RequiredLiteral {
  readonly place: LiteralPlace;
  readonly text: string;
}

/** Literals kept of one pattern; more would not make it rarer. */
const innerLiteralsMax = 16;

interface Literals {
  /** The one text that matches, or null where there are several. */
  readonly exact: string | null;
  /** How every match begins and ends. */
  readonly start: string;
  readonly end: string;
  /** What stands somewhere in every match. */
  readonly inner: readonly string[];
}
const nothing: Literals = { exact: null, start: '', end: '', inner: [] };

/** Finds the literals that a pattern requires of a whole text. Empty where it has none. */
export function requiredLiterals(tree: RegexNode): RequiredLiteral[] {
  const { start, end, inner } = literalsOf(tree);
  const all: RequiredLiteral[] = [
    { place: 'start', text: start },
    { place: 'end', text: end },
    ...inner.map((text) => ({ place: 'anywhere' as const, text })),
  ];
  return all.filter(({ text }) => text !== '');
}

function exactly(text: string): Literals {
  return { exact: text, start: text, end: text, inner: [] };
}

function literalsOf(node: RegexNode): Literals {
  switch (node.kind) {
    case 'byte': {
      const only = onlyByte(node.set);
      return only < 0 ? nothing : exactly(String.fromCharCode(only));
    }
    case 'sequence':
      return node.items.map(literalsOf).reduce(sequence, exactly(''));
    case 'choice':
      return node.items.map(literalsOf).reduce(choice);
    case 'repeat': {
      if (node.max === 0) return exactly('');
      if (node.min === 0) return nothing;
      const item = literalsOf(node.item);
      if (item.exact === null) return item;
      const text = item.exact.repeat(node.min);
      return node.min === node.max ? exactly(text) : { exact: null, start: text, end: text, inner: [] };
    }
  }
}

function sequence(left: Literals, right: Literals): Literals {
  if (left.exact !== null && right.exact !== null) return exactly(left.exact + right.exact);
  const between = left.exact === null && right.exact === null ? [left.end + right.start] : [];
  return {
    exact: null,
    start: left.exact === null ? left.start : left.exact + right.start,
    end: right.exact === null ? right.end : left.end + right.exact,
    inner: [...left.inner, ...between, ...right.inner]
      .filter((text) => text !== '')
      .slice(0, innerLiteralsMax),
  };
}

function choice(left: Literals, right: Literals): Literals {
  if (left.exact !== null && left.exact === right.exact) return left;
  return {
    exact: null,
    start: commonStart(left.start, right.start),
    end: commonEnd(left.end, right.end),
    inner: [],
  };
}

function commonStart(a: string, b: string): string {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}

function commonEnd(a: string, b: string): string {
  let length = 0;
  while (length < a.length && length < b.length && a[a.length - 1 - length] === b[b.length - 1 - length])
    length++;
  return a.slice(a.length - length);
}
