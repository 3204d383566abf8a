import type { Socket } from 'node:net';
import type { CallHandler } from '../call/handler.ts';
import type { Timer } from '../core/clock.ts';
import { ErrorCode, errorCodeName } from '../core/error-code.ts';
import { bindHttp2, type Http2Binding } from '../http2/bind.ts';
import { ageLimitMs, type DownstreamDeps, type DownstreamSettings } from './downstream.ts';

/**
 * Between the two GOAWAYs of a connection that is asked to go, milliseconds: what its client sends before it has heard of
 * it is still served (RFC 9113 section 6.8).
 */
const goawayDelayMs = 1000;

/** One HTTP/2 connection of a client: its calls, its timeouts, its graceful end. */
export class Http2Downstream {
  private readonly binding: Http2Binding;
  private readonly deps: DownstreamDeps;
  private readonly settings: DownstreamSettings;
  private prefaceTimer: Timer | null;
  private idleTimer: Timer | null = null;
  private ageTimer: Timer | null = null;
  private retireTimer: Timer | null = null;
  private announced = false;
  /** Streams that the scheduler was notified of. */
  private counted = 0;

  constructor(
    socket: Socket,
    handler: CallHandler,
    settings: DownstreamSettings,
    deps: DownstreamDeps,
    onEnded: () => void,
  ) {
    this.deps = deps;
    this.settings = settings;
    const peer = `${socket.remoteAddress ?? 'unix'}:${socket.remotePort ?? 0}`;
    this.binding = bindHttp2(socket, 'server', settings.http2, deps, {
      stream: (stream, head, end) => {
        this.recount();
        handler.stream(stream, head, end);
      },
      oversize: (stream, head) => handler.oversize(stream, head),
      capacity: () => this.recount(),
      ready: () => this.ready(),
      ended: (error) => {
        this.recount();
        this.prefaceTimer?.cancel();
        this.idleTimer?.cancel();
        this.ageTimer?.cancel();
        this.retireTimer?.cancel();
        if (error?.local) {
          const facts = { peer, code: errorCodeName(error.code), reason: error.message };
          deps.logger.warn('client connection closed: the client violated HTTP/2', facts);
        }
        onEnded();
      },
    });
    this.prefaceTimer = deps.clock.after(settings.prefaceTimeoutMs, () => {
      this.binding.destroy('no HTTP/2 preface in time');
    });
  }

  /** For a socket that does not say `data`, see `readShared`. */
  received(bytes: Buffer, length: number): void {
    this.binding.received(bytes, length);
  }

  /** Begins; `first` was read to find out the protocol. */
  start(first: Buffer | null): void {
    this.binding.start(first);
  }

  /** Streams whose reply is not wholly sent. */
  get active(): number {
    return this.binding.connection.active;
  }

  /** No new calls, please (GOAWAY with the highest id); those on their way are still taken. */
  announceShutdown(): void {
    if (this.announced) return;
    this.announced = true;
    this.binding.connection.announceShutdown();
  }

  /** None after those seen so far; closes when they have ended. */
  shutdown(): void {
    this.binding.connection.shutdown();
  }

  /** To be called at regular times: ends calls that their client holds up, either way, and half-sent frames. */
  checkStalls(checksMax: number, uploadChecksMax: number, sectionChecksMax: number): void {
    this.binding.connection.checkStalls(checksMax, sectionChecksMax);
    this.binding.connection.checkUploads(uploadChecksMax);
  }

  /** Ends the connection, whose TLS cipher HTTP/2 does not allow (RFC 9113 section 9.2.2). */
  refuseCipher(name: string): void {
    this.binding.connection.fail(
      ErrorCode.INADEQUATE_SECURITY,
      `the TLS cipher ${name} is not allowed for HTTP/2`,
    );
  }

  destroy(): void {
    this.binding.destroy('the listener was closed');
  }

  private ready(): void {
    this.prefaceTimer?.cancel();
    this.prefaceTimer = null;
    this.watchIdle();
    if (this.settings.ageMsMax === Number.POSITIVE_INFINITY) return;
    const ageMs = ageLimitMs(this.settings, this.deps.random);
    this.ageTimer = this.deps.clock.after(ageMs, () => this.retire(goawayDelayMs));
  }

  /** Asks the client to make its next calls on another connection, and closes when it has none; `delayMs` is between the two GOAWAYs. */
  retire(delayMs: number): void {
    if (this.retireTimer !== null) return;
    this.announceShutdown();
    this.retireTimer = this.deps.clock.after(delayMs, () => this.shutdown());
  }

  private watchIdle(): void {
    // One timer that fires every idle timeout: a connection gets a GOAWAY after one to two of them.
    let streamsSeen = -1;
    const check = (): void => {
      const { active, lastPeerStreamId } = this.binding.connection;
      if (active === 0 && lastPeerStreamId === streamsSeen) return this.retire(goawayDelayMs);
      streamsSeen = lastPeerStreamId;
      this.idleTimer = this.deps.clock.after(this.settings.idleTimeoutMs, check);
    };
    this.idleTimer = this.deps.clock.after(this.settings.idleTimeoutMs, check);
  }

  /** Reports to the flush scheduler how many calls are in flight: with one alone it need not wait for others. */
  private recount(): void {
    const { active, over } = this.binding.connection;
    const now = over ? 0 : active;
    this.deps.scheduler.active += now - this.counted;
    this.counted = now;
  }
}
