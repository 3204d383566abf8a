import { boundedText } from '../core/bounded-text.ts';
import type { Clock } from '../core/clock.ts';
import { ErrorCode } from '../core/error-code.ts';
import { GrpcFrameReader, grpcFrame } from '../core/grpc-frames.ts';
import { decodeGrpcMessage } from '../core/grpc-message.ts';
import { GrpcStatus, grpcStatusName, parseGrpcStatus } from '../core/grpc-status.ts';
import { HeaderBlock } from '../core/header-block.ts';
import type { MessageStream, StreamFailure } from '../core/message-stream.ts';
import type { Random } from '../core/random.ts';
import { safeText } from '../core/safe-text.ts';
import { loadReportBytesMax } from '../load-report/load-report.ts';
import { encodeReportRequest, reportStreamPath } from '../load-report/report-request.ts';
import { Backoff } from './backoff.ts';
import type { OpenFailure, StreamOpener, StreamPool } from './stream-opener.ts';

/** What a stream needs of its endpoint; an interface so that the two files do not import each other. */
export interface ReportingEndpoint {
  /** `Clock.now()` of when it could be used, without a break since; null while it cannot. */
  readonly usableSinceMs: number | null;
  readonly pool: StreamPool;
  readonly dial: { readonly tls: object | null };
}

export interface ReportStreamDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** A report asked for every so often, milliseconds. */
  readonly periodMs: number;
  /** `:authority` of the request. */
  readonly authority: string;
  /** A message that should be a load report. Its bytes are valid until this returns. */
  onReport(message: Uint8Array): void;
  /** The server has no such service. */
  onRefused(reason: string): void;
}

/** Reports in `floodWindowMs`, or in one period if that is longer. A server that sends more is asked again later. */
const floodReportsMax = 100;
const floodWindowMs = 1000;

/** A stream without a report for so long, or for three periods, is given up, milliseconds. Servers choose the interval themselves. */
const silenceMsMin = 300_000;
const silentPeriodsMax = 3;

/** Characters of a reason. */
const reasonCharsMax = 200;

/**
 * The stream of load reports of one endpoint (`OpenRcaService.StreamCoreMetrics`, gRFC A51), on a connection that calls use too.
 *
 *     idle ──due, and the endpoint is usable──▶ connecting ──▶ open
 *      ▲                                            │           │
 *      ├──────────── later, with back-off ◀─────────┴───────────┤ fails, ends, is silent or floods
 *      ├──────────── at once ◀──────────────────────────────────┤ its connection retires
 *      └──────────── refused ◀──────────────────────────────────┘ UNIMPLEMENTED
 *
 * A refused one is asked again when the endpoint was unusable meanwhile: another program may listen there by now.
 */
export class ReportStream implements StreamOpener {
  readonly clientAddress = '';
  readonly forwardsClient = false;
  state: 'idle' | 'connecting' | 'open' | 'refused' = 'idle';
  /** Why there is no stream, in plain words; '' before the first attempt and while there is one. */
  reason = '';
  private readonly endpoint: ReportingEndpoint;
  private readonly deps: ReportStreamDeps;
  private readonly backoff: Backoff;
  private stream: MessageStream | null = null;
  private frames = newFrames();
  private encoding = '';
  /** The state of the endpoint at the latest check. */
  private usableSinceMs: number | null = null;
  /** `Clock.now()` of the next attempt. */
  private dueMs = Number.NEGATIVE_INFINITY;
  /** `Clock.now()` of the latest report, or of the opening before the first. */
  private heardMs = 0;
  private hasReported = false;
  /** Reports since `windowMs`. */
  private windowReports = 0;
  private windowMs = 0;

  constructor(endpoint: ReportingEndpoint, deps: ReportStreamDeps) {
    this.endpoint = endpoint;
    this.deps = deps;
    this.backoff = new Backoff(deps.random);
  }

  /** Reports come on this stream, and not with replies. */
  get isReporting(): boolean {
    return this.state === 'open' && this.hasReported;
  }

  /** Opens the stream when it is due, and gives up one that is of no use. To be called at least every few seconds. */
  check(nowMs: number): void {
    const { usableSinceMs } = this.endpoint;
    if (usableSinceMs !== this.usableSinceMs) {
      this.usableSinceMs = usableSinceMs;
      this.backoff.reset();
      this.dueMs = nowMs;
      if (this.state === 'refused') this.state = 'idle';
    }
    if (this.state === 'open') this.checkOpen(nowMs);
    if (this.state === 'idle' && usableSinceMs !== null && nowMs >= this.dueMs) {
      this.state = 'connecting';
      this.endpoint.pool.open(this);
    }
  }

  private checkOpen(nowMs: number): void {
    const silenceMsMax = Math.max(silenceMsMin, silentPeriodsMax * this.deps.periodMs);
    if (this.stream!.isRetiring === true) {
      this.leave(ErrorCode.CANCEL);
      this.dueMs = nowMs;
    } else if (nowMs - this.heardMs >= silenceMsMax)
      this.giveUp(`it sent no report for ${Math.round(silenceMsMax / 1000)} s`);
  }

  /** Ends the stream; no report follows. */
  stop(): void {
    if (this.state === 'connecting') this.endpoint.pool.cancel(this);
    else if (this.state === 'open') this.stream!.reset(ErrorCode.CANCEL);
    this.state = 'refused';
    this.stream = null;
  }

  opened(stream: MessageStream): void {
    this.state = 'open';
    this.reason = '';
    this.stream = stream;
    this.frames = newFrames();
    this.encoding = '';
    this.hasReported = false;
    this.heardMs = this.deps.clock.now();
    this.windowReports = 0;
    const { authority, periodMs } = this.deps;
    stream.head(
      HeaderBlock.of(
        [':method', 'POST'],
        [':scheme', this.endpoint.dial.tls === null ? 'http' : 'https'],
        [':path', reportStreamPath],
        [':authority', authority],
        ['te', 'trailers'],
        ['content-type', 'application/grpc'],
        ['user-agent', 'outrigger-load-reports'],
        ['grpc-accept-encoding', 'identity'],
      ),
      false,
    );
    const frame = grpcFrame(encodeReportRequest(periodMs));
    stream.data(frame, 0, frame.length, true);
  }

  openFailed({ message }: OpenFailure): void {
    this.later(message);
  }

  head(head: HeaderBlock, end: boolean): void {
    const { status } = head;
    if (status !== 200) {
      if (!end) this.stream?.reset(ErrorCode.CANCEL);
      // What a server answers that has no such path (gRPC "HTTP to gRPC Status Code Mapping").
      if (status === 404) this.refuse('HTTP status 404');
      else this.later(`HTTP status ${status}`);
    } else if (end) this.trailers(head);
    else this.encoding = head.get('grpc-encoding') ?? '';
  }

  data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    this.stream?.consumed(end - start);
    const wrong = this.frames.push(bytes.subarray(start, end), this.encoding, (message) =>
      this.take(message),
    );
    // A report may have been one too many.
    if (this.state !== 'open') return;
    if (wrong !== '') this.giveUp(`it sent ${wrong}`);
    else if (last) this.later('the reply ended without a status');
  }

  trailers(trailers: HeaderBlock): void {
    const code = parseGrpcStatus(trailers.get('grpc-status') ?? '');
    const message = decodeGrpcMessage((trailers.get('grpc-message') ?? '').slice(0, reasonCharsMax));
    const reason = `${grpcStatusName(code)}${message === '' ? '' : `: ${message}`}`;
    if (code === GrpcStatus.UNIMPLEMENTED) this.refuse(reason);
    else this.later(code === GrpcStatus.OK ? 'the server ended the stream' : reason);
  }

  failed({ message }: StreamFailure): void {
    this.later(message);
  }

  sent(): void {}

  private take(message: Uint8Array): void {
    if (this.state !== 'open') return;
    const nowMs = this.deps.clock.now();
    this.heardMs = nowMs;
    if (nowMs - this.windowMs >= Math.max(floodWindowMs, this.deps.periodMs)) {
      this.windowMs = nowMs;
      this.windowReports = 0;
    }
    if (++this.windowReports > floodReportsMax)
      return this.giveUp(`it sent more than ${floodReportsMax} reports at once`);
    this.hasReported = true;
    this.backoff.reset();
    this.deps.onReport(message);
  }

  private refuse(reason: string): void {
    this.leave(null);
    this.state = 'refused';
    this.reason = shownReason(reason);
    this.deps.onRefused(this.reason);
  }

  private giveUp(reason: string): void {
    this.leave(ErrorCode.CANCEL);
    this.later(reason);
  }

  /** No stream, and another attempt after the back-off. */
  private later(reason: string): void {
    this.leave(null);
    this.reason = shownReason(reason);
    this.dueMs = this.deps.clock.now() + this.backoff.next();
  }

  /** Lets the stream go, with a reset where it has not ended. */
  private leave(reset: ErrorCode | null): void {
    if (reset !== null) this.stream?.reset(reset);
    this.stream = null;
    this.state = 'idle';
  }
}

function shownReason(reason: string): string {
  return safeText(boundedText(reason, reasonCharsMax));
}

function newFrames(): GrpcFrameReader {
  return new GrpcFrameReader(loadReportBytesMax, 'load report');
}
