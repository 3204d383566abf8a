import type { Duplex, Readable } from 'node:stream';
import { type Address, formatAddress } from '../core/address.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { type Ending, endingOfHttp, endings } from '../core/ending.ts';
import { HeaderBlock } from '../core/header-block.ts';
import type { Random } from '../core/random.ts';
import type { ReplyError, ReplyErrorCode } from '../core/reply-error.ts';
import { endSocket } from './error-reply.ts';
import { HandshakeError } from './handshake.ts';
import type { HeadCache } from './head-cache.ts';
import { type Http1Dial, Http1Handshake } from './http1-handshake.ts';
import { type Http2Dial, Http2Handshake } from './http2-handshake.ts';
import { type HandshakeEvents, proxyWebSocket } from './http2-proxy.ts';
import { opensByMistake, type UpgradeClient } from './upgrade-client.ts';
import { closeFrame, FrameBoundaries, goingAway } from './websocket-frames.ts';
import { keyOf, withKey } from './websocket-head.ts';

/** How long the second side of a WebSocket may take to close after the first, milliseconds. */
export const halfClosedMs = 10_000;

export interface UpgradeDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly heads: HeadCache;
  /** A WebSocket is open. `goAway` ends it because of `error`, with a close frame to each side where one may stand. */
  opened(goAway: (error: ReplyError) => void): void;
}

/** The endpoint that was picked for an upgrade and counted as active until `release`. */
export interface UpgradeTarget {
  readonly address: Address;
  /** The request's head as this endpoint gets it. */
  readonly head: HeaderBlock;
  readonly dial: Http1Dial;
  /** Opens a stream to an endpoint that speaks HTTP/2; null for HTTP/1.1. */
  readonly http2: Http2Dial | null;
  /** See `RequestHeadOptions`. */
  readonly clientAddress: string | null;
  /** The head of the endpoint's reply as the client gets it; or an error, with which the WebSocket ends. */
  replyHead(head: HeaderBlock): HeaderBlock | ReplyError;
  /** Once, when this attempt is over; `error` where it failed. */
  release(ending: Ending, error: ReplyError | null): void;
}

/** How an upgrade went, for the record of the call. */
export interface UpgradeOutcome {
  /** 101, or the status that the client got instead; 0 where it got none. */
  httpStatus: number;
  /** Bytes after the handshake, and of the body of another reply. */
  bytesFromClient: number;
  bytesToClient: number;
  attempts: number;
  /** A code of the table where something failed, else ''. */
  error: ReplyErrorCode | '';
  detail: string;
  /** Head of the reply with which the upstream declined; null where it did not. */
  declined: HeaderBlock | null;
}

/** One attempt at one endpoint. */
export class UpgradeAttempt {
  /** The client got the head of a reply. */
  answered = false;
  private readonly target: UpgradeTarget;
  private readonly client: UpgradeClient;
  private readonly outcome: UpgradeOutcome;
  private readonly deps: UpgradeDeps;
  private readonly stopWatching: () => void;
  private upstreamEnded = false;
  private settled = false;
  private halfClosedTimer: Timer | null = null;
  private readonly fromClient = new FrameBoundaries();
  private readonly toClient = new FrameBoundaries();
  /** Why Outrigger has ended the open WebSocket; null where it has not. */
  private gone: HandshakeError | null = null;

  constructor(
    target: UpgradeTarget,
    client: UpgradeClient,
    outcome: UpgradeOutcome,
    deps: UpgradeDeps,
    stopWatching: () => void,
  ) {
    this.target = target;
    this.client = client;
    this.outcome = outcome;
    this.deps = deps;
    this.stopWatching = stopWatching;
  }

  /** Null where all went well, and where the client went away. */
  async run(): Promise<HandshakeError | null> {
    try {
      await proxyWebSocket(this.client.duplex, {
        open: (events) => this.open(events),
        switched: (head, upstream) => this.switched(head, upstream),
        replied: (head, body) => this.relay(head, body),
      });
      return this.gone;
    } catch (error) {
      return this.gone ?? this.judge(error as Error);
    } finally {
      this.settled = true;
      this.halfClosedTimer?.cancel();
    }
  }

  /** How it ended, given what `run` resolved with. */
  ending(failure: HandshakeError | null): Ending {
    const { httpStatus } = this.outcome;
    if (failure !== null) return failure.ending;
    if (!this.answered) return endings.cancelled;
    // After a 101 the two sides speak by themselves, and end when they like.
    return httpStatus === 101 ? endings.answered : endingOfHttp(httpStatus);
  }

  private open(events: HandshakeEvents): () => void {
    const { address, dial, http2, clientAddress } = this.target;
    const { clock, random, heads } = this.deps;
    if (http2 !== null) {
      const handshake = new Http2Handshake(address, http2, events);
      handshake.start(this.target.head, this.client.isHttp2);
      return () => handshake.stop();
    }
    // An HTTP/2 client has no key, and checks no answer to one.
    const head = this.client.isHttp2 ? withKey(this.target.head, random) : this.target.head;
    const ownKey = this.client.isHttp2 ? keyOf(head) : '';
    const handshake = new Http1Handshake(address, dial, clock, heads, ownKey, events);
    handshake.start(head, clientAddress);
    return () => handshake.stop();
  }

  /** http2-proxy ties the two sides together in the same turn; listening beside it does not disturb its back-pressure. */
  private switched(head: HeaderBlock, upstream: Duplex): void {
    const { outcome } = this;
    const { duplex } = this.client;
    this.sendHead(head);
    this.stopWatching();
    upstream.once('end', () => {
      this.upstreamEnded = true;
    });
    // A side that ended says nothing more, and the other has so long to end as well (RFC 6455 section 7.1.1).
    const halfClosed = () => {
      if (this.halfClosedTimer !== null || this.settled) return;
      this.halfClosedTimer = this.deps.clock.after(halfClosedMs, () => {
        upstream.destroy();
        duplex.destroy();
      });
    };
    upstream.once('end', halfClosed);
    duplex.once('end', halfClosed);
    // Not before http2-proxy has put back what came with the 101 and listens itself: a stream with a listener flows, and what
    // is put back on it then is heard by that one alone.
    process.nextTick(() => {
      upstream.on('data', (chunk: Buffer) => {
        outcome.bytesToClient += chunk.length;
        this.toClient.passed(chunk);
      });
      duplex.on('data', (chunk: Buffer) => {
        outcome.bytesFromClient += chunk.length;
        this.fromClient.passed(chunk);
      });
    });
    this.deps.opened((error) => this.goAway(error, upstream));
  }

  /** Ends the open WebSocket: what has not passed by now does not pass any more (RFC 6455 section 7.4.1). */
  private goAway(error: ReplyError, upstream: Duplex): void {
    if (this.gone !== null || this.settled) return;
    this.gone = new HandshakeError(error, endings.terminated);
    const { clock, random } = this.deps;
    const { duplex } = this.client;
    const frame = ({ between, closing }: FrameBoundaries, mask: Random | null): Buffer | null =>
      between && !closing ? closeFrame(goingAway, mask) : null;
    upstream.unpipe(duplex).resume();
    duplex.unpipe(upstream).resume();
    const last = frame(this.toClient, null);
    if (last !== null && duplex.writable) duplex.write(last);
    // http2-proxy destroys the upstream's side once the client's has ended, so that one ends first.
    const endClient = (): void => endSocket(duplex, clock, null);
    upstream.once('finish', endClient).once('close', endClient);
    endSocket(upstream, clock, upstream.writable ? frame(this.fromClient, random) : null);
  }

  /** The upstream declined the upgrade: its reply goes to the client with framing of our own, and ends the connection. */
  private relay(head: HeaderBlock, body: Readable): void {
    const { client, outcome } = this;
    if (opensByMistake(client, head)) {
      const detail = `endpoint ${formatAddress(this.target.address)} answered the handshake of a WebSocket with status ${head.status}`;
      const error = { code: 'upstream_reset', detail, mayHaveProcessed: true } as const;
      throw new HandshakeError(error, endings.unsupported);
    }
    this.sendHead(head);
    outcome.declined = head;
    body.on('data', (chunk: Buffer) => {
      outcome.bytesToClient += chunk.length;
    });
    body.pipe(client.duplex);
  }

  /** Sends the head of the endpoint's reply as the policies of the route leave it; throws where one of them fails. */
  private sendHead(head: HeaderBlock): void {
    const shown = this.target.replyHead(head);
    if (!(shown instanceof HeaderBlock)) throw new HandshakeError(shown, endings.terminated);
    this.client.head(shown, head.contentLength);
    this.answered = true;
    this.outcome.httpStatus = shown.status;
  }

  private judge(error: Error): HandshakeError | null {
    // The client left; or the upstream ended, and its side closed before the client's had taken the last bytes.
    if (this.client.duplex.destroyed || this.upstreamEnded) return null;
    if (error instanceof HandshakeError) return error;
    const detail = `${formatAddress(this.target.address)} broke off`;
    const reply = { code: 'upstream_closed', detail, mayHaveProcessed: true } as const;
    return new HandshakeError(reply, endings.connectionEnded);
  }
}
