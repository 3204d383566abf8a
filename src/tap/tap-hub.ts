import type { RequestObserver, RequestWatch } from '../call/request-watch.ts';
import type { RequestView } from '../call/stage.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Random } from '../core/random.ts';
import type { CallRecord } from '../telemetry/call-record.ts';
import { DecoderThread } from './decoder-thread.ts';
import type { TapEndReason } from './events.ts';
import { capturedBytesMax, tapsMax } from './limits.ts';
import { CaptureBudget } from './message-capture.ts';
import { MessageView } from './message-view.ts';
import { parseTapOptions, type TapOptions } from './options.ts';
import { Redaction } from './redaction.ts';
import { type GivenSchema, Schemas } from './schemas.ts';
import { Tap, type TapReader } from './tap.ts';

/** What the configuration allows (`admin.tap`). */
export interface TapSettings {
  /** `metadata`: all but message bodies. */
  readonly show: 'none' | 'metadata' | 'messages';
  /** Names whose values are hidden in every tap, and names that sound like credentials and are shown. */
  readonly redact: readonly string[];
  readonly reveal: readonly string[];
}

export interface TapHubDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** See `RecentCalls.shown`. */
  shown(records: readonly CallRecord[]): void;
}

/** Why a tap is refused: with an HTTP status, and a sentence that says what to do. */
export interface TapRefusal {
  readonly status: 400 | 403 | 503;
  readonly problem: string;
}

/** A tap that may begin. */
export interface TapOpening {
  open(reader: TapReader): TapSession;
}

/** A tap that runs. */
export interface TapSession {
  /** Its reader has left. */
  left(): void;
  end(reason: TapEndReason): void;
}

/** All taps of a process. While there is none, requests see no observer. */
export class TapHub implements RequestObserver {
  readonly watch: RequestWatch = { observer: null };
  private readonly settings: TapSettings;
  private readonly deps: TapHubDeps;
  private readonly taps = new Set<Tap>();
  private readonly budget = new CaptureBudget(capturedBytesMax);
  private readonly thread: DecoderThread;
  private readonly schemas: Schemas;

  constructor(settings: TapSettings, deps: TapHubDeps) {
    this.settings = settings;
    this.deps = deps;
    this.thread = new DecoderThread(deps.clock);
    this.schemas = new Schemas(this.thread, deps.clock);
  }

  /** Checks the query of `/tap`. `descriptors` is a `FileDescriptorSet` that the reader gives; null for none. */
  prepare(query: URLSearchParams, descriptors: Uint8Array | null): TapRefusal | TapOpening {
    const { show } = this.settings;
    if (show === 'none')
      return { status: 403, problem: 'tap is off: admin.tap.show is "none" in the configuration' };
    const { value: options, error } = parseTapOptions(query);
    if (error !== undefined) return { status: 400, problem: error };
    if (options.messages && show === 'metadata')
      return {
        status: 403,
        problem: 'tap may not show messages: admin.tap.show is "metadata" in the configuration',
      };
    const hidden = this.hiddenComparison(options);
    if (hidden !== undefined)
      return {
        status: 403,
        problem: `header ${hidden} compares a value that admin.tap.redact hides; write ${hidden} alone to match requests that have this header`,
      };
    if (descriptors !== null && !options.messages)
      return { status: 400, problem: 'a descriptor set is for messages; add messages=true' };
    if (this.taps.size >= tapsMax)
      return { status: 503, problem: `${tapsMax} taps run already, which is the maximum; end one of them` };
    return { open: (reader) => this.open(options, descriptors, reader) };
  }

  started(request: RequestView): void {
    for (const tap of this.taps) tap.started(request);
  }

  private open(options: TapOptions, descriptors: Uint8Array | null, reader: TapReader): TapSession {
    const { clock, random, logger } = this.deps;
    const { redact, reveal } = this.settings;
    const hidden = [...redact, ...options.redact];
    const given = descriptors === null ? null : this.schemas.given(descriptors);
    const view = options.messages ? this.viewOf(options, hidden, given) : null;
    const tap = new Tap(options, reader, {
      clock,
      random,
      budget: this.budget,
      redaction: new Redaction(hidden, reveal),
      view,
      shown: (record) => this.deps.shown([record]),
      internalError: (error) =>
        logger.error('a tap failed', {
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        }),
      closed: () => this.closed(tap, given),
    });
    this.taps.add(tap);
    this.watch.observer = this;
    tap.begin();
    return { left: () => tap.close(), end: (reason) => tap.end(reason) };
  }

  /** The first header whose value the filter compares although the configuration hides it. */
  private hiddenComparison({ filter }: TapOptions): string | undefined {
    const { redact, reveal } = this.settings;
    const redaction = new Redaction(redact, reveal);
    return filter.headers.find(({ name, value }) => value !== null && redaction.hides(name))?.name;
  }

  private viewOf(
    { messageBytesMax }: TapOptions,
    hidden: readonly string[],
    given: GivenSchema | null,
  ): MessageView {
    const { thread, schemas } = this;
    const { reveal } = this.settings;
    return new MessageView({ thread, schemas, given, hidden, revealed: reveal, bytesMax: messageBytesMax });
  }

  private closed(tap: Tap, given: GivenSchema | null): void {
    this.taps.delete(tap);
    given?.drop();
    if (![...this.taps].some(({ messages }) => messages)) {
      this.thread.close();
      this.schemas.clear();
    }
    if (this.taps.size === 0) this.watch.observer = null;
  }
}
