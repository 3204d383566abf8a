import type { RequestView } from '../call/stage.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { Random } from '../core/random.ts';
import type { CallRecord } from '../telemetry/call-record.ts';
import * as events from './events.ts';
import { matchesEnd, matchesStart } from './filter.ts';
import { countsIntervalMs, decodingMax, notShownIntervalMs } from './limits.ts';
import type { CaptureBudget, CapturedMessage, CaptureLimits } from './message-capture.ts';
import type { MessageView } from './message-view.ts';
import type { TapOptions } from './options.ts';
import { RateBucket } from './rate-bucket.ts';
import type { Redaction } from './redaction.ts';
import { type Direction, TappedCall, type TappedCallOwner } from './tapped-call.ts';

/** Who reads a tap. */
export interface TapReader {
  /** Has not taken what was sent before: nothing more may be sent. */
  readonly isBehind: boolean;
  send(event: events.TapEvent): void;
  /** Nothing follows. */
  end(): void;
}

export interface TapParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly budget: CaptureBudget;
  readonly redaction: Redaction;
  /** Null where messages are not shown. */
  readonly view: MessageView | null;
  /** These calls are shown: `/explain` is to know them. */
  shown(record: CallRecord): void;
  internalError(error: unknown): void;
  /** The tap has ended. */
  closed(tap: Tap): void;
}

/** Problems that one tap reports; each once. */
const problemsMax = 20;

/** One stream of calls to one reader: which of them it shows, how many, and what became of the others. */
export class Tap implements TappedCallOwner {
  readonly limits: CaptureLimits;
  readonly budget: CaptureBudget;
  readonly messages: boolean;
  private readonly options: TapOptions;
  private readonly reader: TapReader;
  private readonly parts: TapParts;
  private readonly bucket: RateBucket;
  /** Calls that are followed. */
  private readonly calls = new Set<TappedCall>();
  private readonly timers = new Set<Timer>();
  private readonly notShown: Record<events.NotShownReason, number> = { rate: 0, slow_reader: 0, decoder: 0 };
  private readonly problems = new Set<string>();
  private seenCount = 0;
  private matchedCount = 0;
  private shownCount = 0;
  private notShownCount = 0;
  private decoding = 0;
  private isOver = false;

  constructor(options: TapOptions, reader: TapReader, parts: TapParts) {
    this.options = options;
    this.reader = reader;
    this.parts = parts;
    this.budget = parts.budget;
    this.messages = parts.view !== null;
    const { live, messageBytesMax } = options;
    this.limits = { messageBytesMax, messagesMax: live ? Number.POSITIVE_INFINITY : options.messagesMax };
    this.bucket = new RateBucket(options.rate, parts.clock);
  }

  begin(): void {
    const { rate, sample, limit, durationMs, live } = this.options;
    const { messages } = this;
    this.reader.send({
      event: 'tap',
      rate,
      sample,
      limit: Number.isFinite(limit) ? limit : null,
      durationMs,
      messages,
      live,
    });
    this.after(durationMs, () => this.end('duration'));
    this.every(notShownIntervalMs, () => this.reportNotShown());
    this.every(countsIntervalMs, () => this.reportCounts());
  }

  /** A request starts, of any listener. */
  started(request: RequestView): void {
    try {
      this.seenCount++;
      if (!matchesStart(this.options.filter, this.parts.redaction, request)) return;
      if (this.options.sample < 1 && this.parts.random.next() >= this.options.sample) return;
      if (this.options.live && !this.announced(request)) return;
      const call = new TappedCall(this, request);
      this.calls.add(call);
      request.follow(call);
    } catch (error) {
      this.failed(error);
    }
  }

  message(call: TappedCall, direction: Direction, message: CapturedMessage): void {
    if (this.options.live) this.showMessage(call, direction, message);
    else call.messages?.kept[direction].push(message);
  }

  settled(call: TappedCall, record: CallRecord): void {
    this.calls.delete(call);
    if (!matchesEnd(this.options.filter, record)) return call.release();
    if (!this.options.live) this.matchedCount++;
    if (!this.options.live && !this.mayShow()) return call.release();
    if (this.messages && !this.options.live) return this.showDecoded(call, record);
    this.show(call, record, null);
    call.release();
  }

  failed(error: unknown): void {
    if (this.isOver) return;
    this.parts.internalError(error);
    this.end('internal_error');
  }

  end(reason: events.TapEndReason): void {
    if (this.isOver) return;
    this.reportNotShown();
    this.reportCounts();
    if (!this.reader.isBehind) this.reader.send(events.endEvent(reason));
    this.close();
    this.reader.end();
  }

  /** The reader has left. */
  close(): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
    for (const call of this.calls) call.release();
    this.calls.clear();
    this.parts.closed(this);
  }

  /** With `live`: shows that a call starts; false where that is not allowed now. */
  private announced(request: RequestView): boolean {
    this.matchedCount++;
    if (!this.mayShow()) return false;
    const headers = this.parts.redaction.headers(request.requestHead);
    return this.send({ event: 'started', ...events.identityOf(request.record, request.traffic), headers });
  }

  private showMessage(call: TappedCall, direction: Direction, message: CapturedMessage): void {
    const { view } = this.parts;
    const { request, head } = call;
    const { isBehind } = this.reader;
    // What is left out is counted at the end of the call.
    if (view === null || isBehind || this.decoding >= decodingMax || !this.bucket.take())
      return call.free(direction, message);
    if (call.messages !== null) call.messages.shown[direction]++;
    this.decoding++;
    const one = { direction, message, head: direction === 'request' ? request.requestHead : head };
    const shown = view.show(request, [one], (text) => this.problem(text));
    this.enqueue(call, async () => {
      const [first] = await shown;
      this.decoding--;
      call.free(direction, message);
      if (!this.isOver && !this.reader.isBehind)
        this.reader.send({ event: 'message', id: request.record.id, direction, ...first });
    });
  }

  /** Sends something of a call after what was sent of it before. */
  private enqueue({ messages }: TappedCall, send: () => void | Promise<void>): void {
    if (messages === null) return;
    messages.queue = messages.queue.then(send).catch((error: unknown) => this.failed(error));
  }

  /** Whether one more call may be shown now; counts it as not shown where not. */
  private mayShow(): boolean {
    if (this.reader.isBehind) return this.leaveOut('slow_reader');
    return this.bucket.take() || this.leaveOut('rate');
  }

  private leaveOut(reason: events.NotShownReason): false {
    this.notShown[reason]++;
    this.notShownCount++;
    return false;
  }

  private showDecoded(call: TappedCall, record: CallRecord): void {
    if (this.decoding >= decodingMax) {
      this.leaveOut('decoder');
      return call.release();
    }
    const { request, head } = call;
    const { kept } = call.messages!;
    const messages = [
      ...kept.request.map((message) => ({
        direction: 'request' as const,
        message,
        head: request.requestHead,
      })),
      ...kept.response.map((message) => ({ direction: 'response' as const, message, head })),
    ];
    this.decoding++;
    this.parts
      .view!.show(request, messages, (text) => this.problem(text))
      .then((shown) => this.show(call, record, { shown, requests: kept.request.length }))
      .catch((error: unknown) => this.failed(error))
      .finally(() => {
        this.decoding--;
        call.release();
      });
  }

  private show(
    call: TappedCall,
    record: CallRecord,
    decoded: { readonly shown: readonly events.ShownMessage[]; readonly requests: number } | null,
  ): void {
    const { request, head } = call;
    const side = (
      direction: Direction,
      block: HeaderBlock,
      trailers: HeaderBlock | null,
    ): events.ShownSide => {
      const { redaction } = this.parts;
      const range = direction === 'request' ? [0, decoded?.requests] : [decoded?.requests ?? 0];
      const messages = decoded === null ? null : decoded.shown.slice(...range);
      const listed = messages?.length ?? call.messages?.shown[direction] ?? 0;
      return {
        headers: redaction.headers(block),
        trailers: trailers === null ? null : redaction.headers(trailers),
        messages,
        messagesNotShown: Math.max(0, call.count(direction) - listed),
      };
    };
    const event = events.callEvent(
      record,
      request.traffic,
      side('request', request.requestHead, call.requestTrailers),
      head === null ? null : side('response', head, call.responseTrailers),
    );
    const send = (): void => {
      if (!this.send(event)) return;
      this.shownCount++;
      this.parts.shown(record);
      if (this.shownCount >= this.options.limit) this.end('limit');
    };
    if (this.options.live && this.messages) this.enqueue(call, send);
    else send();
  }

  /** False where the reader is behind, which counts as a call that is not shown; or where the tap is over. */
  private send(event: events.TapEvent): boolean {
    if (this.isOver) return false;
    if (this.reader.isBehind) return this.leaveOut('slow_reader');
    this.reader.send(event);
    return true;
  }

  private problem(text: string): void {
    if (this.isOver || this.problems.has(text) || this.problems.size >= problemsMax || this.reader.isBehind)
      return;
    this.problems.add(text);
    this.reader.send({ event: 'problem', text });
  }

  private reportNotShown(): void {
    for (const reason of Object.keys(this.notShown) as events.NotShownReason[]) {
      const calls = this.notShown[reason];
      if (calls === 0 || this.reader.isBehind) continue;
      this.notShown[reason] = 0;
      this.reader.send(events.notShownEvent(calls, reason));
    }
  }

  private reportCounts(): void {
    if (this.reader.isBehind) return;
    const { seenCount: seen, matchedCount: matched, shownCount: shown, notShownCount: notShown } = this;
    this.reader.send({ event: 'counts', seen, matched, shown, notShown });
  }

  private after(delayMs: number, callback: () => void): void {
    const timer = this.parts.clock.after(delayMs, () => {
      this.timers.delete(timer);
      callback();
    });
    this.timers.add(timer);
  }

  private every(intervalMs: number, callback: () => void): void {
    this.after(intervalMs, () => {
      callback();
      if (!this.isOver) this.every(intervalMs, callback);
    });
  }
}
