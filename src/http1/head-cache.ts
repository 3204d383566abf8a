import { constantField, type Field } from '../core/field.ts';
import { HeaderBlock } from '../core/header-block.ts';
import {
  type HeadLine,
  type LineFault,
  LineKind,
  nameEndOf,
  nameFault,
  parseFieldLine,
  parseRequestLine,
  parseStatusLine,
} from './head-line.ts';
import { HeadMemo, type KnownHead } from './head-memo.ts';
import { LineRole } from './head-name.ts';
import { LineMemo } from './line-memo.ts';
import type { MessageHead } from './message.ts';
import { BuiltHead, buildReply, buildRequest, type HeadResult } from './message-head.ts';
import { NameMemo } from './name-memo.ts';

const colon = 0x3a;

/** Lines of a head that are its own, beside those that it has in common with others; with more it stands alone. */
const ownLinesMax = 8;

/**
 * What the HTTP/1.1 parsers of a process remember together, so that a line that repeats is judged once, and a head that repeats is one
 * object. A process makes one and passes it to all of its parsers; each part is bounded by itself.
 *
 * A head whose lines are all known is found by them. One that has a few lines of its own (a trace id, a length) stands on the block
 * of its known lines as its base, which repeats. Order among fields of different names has no meaning (RFC 9110 section 5.3),
 * that among fields of one name is kept.
 */
export class HeadCache {
  readonly lines = new LineMemo();
  /** Lines of the section that is being read, shared by all parsers as long as they read it in one go. */
  readonly scratch: HeadLine[] = [];
  private readonly names = new NameMemo();
  private readonly heads = new HeadMemo();
  private readonly http = constantField(':scheme', 'http');
  private readonly https = constantField(':scheme', 'https');
  /** The known head that `request` or `reply` returned last, or null: it came whole before. */
  latest: KnownHead | null = null;

  /** Heads kept. */
  get headCount(): number {
    return this.heads.size;
  }

  scheme(name: 'http' | 'https'): Field {
    return name === 'http' ? this.http : this.https;
  }

  /** Reads the line from `start` to `end`, line end included. */
  line(kind: LineKind, bytes: Uint8Array, start: number, end: number): HeadLine | LineFault {
    const known = this.lines.find(kind, bytes, start, end);
    if (known !== null) return known;
    const line = this.parse(kind, bytes, start, end);
    if (!('words' in line)) this.lines.keep(line, bytes, start, end);
    return line;
  }

  private parse(kind: LineKind, bytes: Uint8Array, start: number, end: number): HeadLine | LineFault {
    if (kind === LineKind.Request) return parseRequestLine(bytes, start, end);
    if (kind === LineKind.Status) return parseStatusLine(bytes, start, end);
    const nameEnd = nameEndOf(bytes, start, end);
    if (nameEnd === start || bytes[nameEnd] !== colon) return nameFault(bytes, start, nameEnd);
    return parseFieldLine(bytes, start, nameEnd, end, this.names.nameOf(bytes, start, nameEnd));
  }

  /** What the first `count` lines are as a request (`scheme` is its `:scheme`) or as a reply (null). */
  head(lines: readonly HeadLine[], count: number, scheme: Field | null): HeadResult {
    this.latest = null;
    const known = this.heads.find(lines, count, scheme);
    let own = 0;
    for (let i = 0; i < count; i++) if (lines[i].id === 0) own++;
    if (own === 0) {
      if (known === null) return this.build(lines.slice(0, count), scheme);
      this.latest = known;
      return known.built;
    }
    if (lines[0].id === 0 || own > ownLinesMax) return buildHead(lines, count, scheme);
    const common = known ?? this.learn(lines, count, scheme);
    return (common === null ? null : standOn(common, lines, count)) ?? buildHead(lines, count, scheme);
  }

  /** Builds what the known lines among these have in common with other heads, or null where it is not known to repeat. */
  private learn(lines: readonly HeadLine[], count: number, scheme: Field | null): KnownHead | null {
    const common: HeadLine[] = [];
    for (let i = 0; i < count; i++) if (lines[i].id !== 0) common.push(lines[i]);
    if (!this.heads.isWorthKeeping(common)) return null;
    const built = buildHead(common, common.length, scheme);
    return built.fault === undefined ? this.heads.keep(common, scheme, built) : null;
  }

  private build(lines: readonly HeadLine[], scheme: Field | null): HeadResult {
    const built = buildHead(lines, lines.length, scheme);
    if (built.fault === undefined && this.heads.isWorthKeeping(lines))
      this.latest = this.heads.keep(lines, scheme, built);
    return built;
  }
}

function buildHead(lines: readonly HeadLine[], count: number, scheme: Field | null): HeadResult {
  return scheme === null ? buildReply(lines, count) : buildRequest(lines, count, scheme);
}

/** The head of `lines` with the known ones as its base; null where it must stand alone. */
function standOn({ built, names }: KnownHead, lines: readonly HeadLine[], count: number): BuiltHead | null {
  const { nominated } = built;
  const own: Field[] = [];
  let length: HeadLine | null = null;
  for (let i = 1; i < count; i++) {
    const line = lines[i];
    if (line.id !== 0) continue;
    const { field, role } = line;
    // Behind the base, a field would come behind those of its name that it came before.
    if (field === null || names.has(field.name)) return null;
    if (role === LineRole.ContentLength) {
      if (length !== null || !built.takesLength) return null;
      length = line;
    } else if (role !== LineRole.Ordinary) return null;
    else if (nominated?.has(field.name) === true) continue;
    own.push(field);
  }
  const block = new HeaderBlock(own, built.head.block);
  const head = length === null ? withBlock(built.head, block) : withLength(built, block, length.number);
  return new BuiltHead(head, built.persistent, nominated, false, built.switches);
}

function withBlock(head: MessageHead, block: HeaderBlock): MessageHead {
  return {
    block,
    minorVersion: head.minorVersion,
    framing: head.framing,
    bodyBytes: head.bodyBytes,
    keepAlive: head.keepAlive,
    expectsContinue: head.expectsContinue,
    websocket: head.websocket,
    keepAliveSeconds: head.keepAliveSeconds,
    reasonPhrase: head.reasonPhrase,
  };
}

function withLength({ head, persistent }: BuiltHead, block: HeaderBlock, bodyBytes: number): MessageHead {
  return {
    block,
    minorVersion: head.minorVersion,
    framing: 'length',
    bodyBytes,
    keepAlive: persistent,
    expectsContinue: false,
    websocket: false,
    keepAliveSeconds: head.keepAliveSeconds,
    reasonPhrase: head.reasonPhrase,
  };
}
