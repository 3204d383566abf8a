import { HeadCache } from '../../src/http1/head-cache.ts';
import type { MessageError, MessageHead, MessageListener, ParserLimits } from '../../src/http1/message.ts';
import { MessageParser } from '../../src/http1/message-parser.ts';

/** What a parser said, in a form that is compared and printed. */
export type MessageEvent =
  | { readonly head: string[]; readonly of: Omit<MessageHead, 'block'> }
  | { readonly data: string }
  | { readonly end: string[] | null }
  | { readonly failed: MessageError };

export const parserLimits: ParserLimits = {
  headBytesMax: 16_384,
  fieldsMax: 100,
  chunkExtensionBytesMax: 256,
};

function pairs(block: MessageHead['block']): string[] {
  return block.allFields.map(({ name, value }) => `${name}: ${value}`);
}

/** Notes what it hears; pieces of a body that follow each other become one event. */
export class EventRecorder implements MessageListener {
  readonly events: MessageEvent[] = [];
  readonly heads: MessageHead[] = [];

  head(head: MessageHead): void {
    const { block, ...of } = head;
    this.heads.push(head);
    this.events.push({ head: pairs(block), of });
  }
  data(bytes: Uint8Array, start: number, end: number): void {
    if (end <= start) throw new Error('empty data');
    const text = Buffer.from(bytes.subarray(start, end)).toString('latin1');
    const last = this.events.at(-1);
    if (last !== undefined && 'data' in last)
      this.events[this.events.length - 1] = { data: last.data + text };
    else this.events.push({ data: text });
  }
  end(trailers: MessageHead['block'] | null): void {
    this.events.push({ end: trailers === null ? null : pairs(trailers) });
  }
  failed(failed: MessageError): void {
    this.events.push({ failed });
  }

  get error(): MessageError | undefined {
    const last = this.events.at(-1);
    return last !== undefined && 'failed' in last ? last.failed : undefined;
  }
  /** The fields of each head. */
  get fields(): string[][] {
    return this.events.flatMap((event) => ('head' in event ? [event.head] : []));
  }
  /** All bodies in one. */
  get body(): string {
    return this.events.map((event) => ('data' in event ? event.data : '')).join('');
  }
}

export interface ParseOptions {
  readonly limits?: Partial<ParserLimits>;
  readonly heads?: HeadCache;
  readonly scheme?: 'http' | 'https';
  /** Where the bytes are cut; the whole by default. */
  readonly cuts?: readonly number[];
  /** Reply role: the method of each request whose reply is due. */
  readonly methods?: readonly string[];
  readonly websocket?: boolean;
  /** The peer ends the connection behind the bytes. */
  readonly fin?: boolean;
}

/** Parses `text`, one byte a character, and returns what was heard. */
export function parse(role: 'request' | 'reply', text: string, options: ParseOptions = {}): EventRecorder {
  const recorder = new EventRecorder();
  const limits = { ...parserLimits, ...options.limits };
  const parser = new MessageParser(
    role,
    options.scheme ?? 'http',
    limits,
    options.heads ?? new HeadCache(),
    recorder,
  );
  const methods = [...(options.methods ?? ['GET'])];
  const expectNext = (): void => {
    const method = methods.shift();
    if (role === 'reply' && method !== undefined) parser.expectReply(method, options.websocket === true);
  };
  expectNext();
  const { end } = recorder;
  recorder.end = (trailers) => {
    end.call(recorder, trailers);
    expectNext();
  };
  const bytes = Buffer.from(text, 'latin1');
  const cuts = [...(options.cuts ?? []), bytes.length];
  let at = 0;
  for (const cut of cuts) {
    // A copy, so that nothing can be read beyond the piece.
    const piece = Buffer.from(bytes.subarray(at, cut));
    const stopped = parser.receive(piece, 0, piece.length);
    if (stopped < piece.length) break;
    at = cut;
  }
  if (options.fin === true) parser.peerEnded();
  parser.release();
  return recorder;
}
