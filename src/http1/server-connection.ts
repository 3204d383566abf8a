import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Clock, Timer } from '../core/clock.ts';
import { ErrorCode } from '../core/error-code.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import { contain, type InternalErrors } from '../core/internal-errors.ts';
import type { MessageStream } from '../core/message-stream.ts';
import type { ReplyErrorCode } from '../core/reply-error.ts';
import { endSocket, errorReply } from './error-reply.ts';
import { type RequestRefusal, readRequestHead } from './request-head.ts';
import { ServerStream, type ServerStreamOwner } from './server-stream.ts';

/** Requests that a client may send ahead of their replies; one more ends the connection. */
export const pipelinedRequestsMax = 256;

/** A `StreamHandler` that may ask whose request it is. */
export type Http1StreamHandler = (
  stream: MessageStream,
  head: HeaderBlock,
  end: boolean,
  socket: Socket,
) => void;

export interface ServerConnectionOptions {
  readonly clock: Clock;
  readonly onStream: Http1StreamHandler;
  /** See `Http1ServerOptions`. */
  readonly halfCloseTimeoutMs: number;
  readonly internalErrors?: InternalErrors;
}

/** A request in the order of its arrival, parsed but not yet begun. */
interface Queued {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly expectsContinue: boolean;
  readonly refusal: RequestRefusal | null;
}

/**
 * One HTTP/1.1 client connection: its requests one after the other. Pipelined ones wait for the reply before
 * them, since requests that are not all safe must not run side by side (RFC 9112 section 9.3.2).
 */
export class ServerConnection implements ServerStreamOwner {
  readonly socket: Socket;
  readonly clock: Clock;
  /** The next reply says `connection: close`. */
  draining = false;
  saidClose = false;
  /** Closes once it is idle, whether or not a reply could say so. */
  private closing = false;
  private readonly onStream: Http1StreamHandler;
  private readonly internalErrors: InternalErrors | undefined;
  private current: ServerStream | null = null;
  private readonly queue: Queued[] = [];
  /** What to say, once the requests before it are answered, to bytes that are no request. */
  private lastWords: Buffer | null = null;
  private ending = false;
  /** A request has come. */
  private begun = false;
  private handedOver = false;
  private readonly halfCloseTimeoutMs: number;
  private halfCloseTimer: Timer | null = null;

  constructor(socket: Socket, options: ServerConnectionOptions) {
    const { clock, onStream, halfCloseTimeoutMs, internalErrors } = options;
    this.socket = socket;
    this.clock = clock;
    this.onStream = onStream;
    this.halfCloseTimeoutMs = halfCloseTimeoutMs;
    this.internalErrors = internalErrors;
  }

  /** Whatever the socket or the parser calls goes through here: a bug of ours ends this connection alone. */
  contained(run: () => void): void {
    contain(this.internalErrors, 'http1', this.socket, run);
  }

  /** Between requests: nothing is lost by closing now. */
  get idle(): boolean {
    return this.current === null && this.queue.length === 0 && !this.handedOver;
  }

  /** Requests that were sent ahead are answered as well: only the last of the replies says `connection: close`. */
  get isLastReply(): boolean {
    return this.draining && this.queue.length === 0;
  }

  /** The socket speaks another protocol from now on and is somebody else's. Null where the request is refused, and it is not. */
  handOver(request: IncomingMessage): HeaderBlock | null {
    this.handedOver = true;
    const read = readRequestHead(request, this.scheme);
    if (read.refusal === undefined) return read.value.head;
    this.end(errorReply(refusalError(read.refusal.reason), read.refusal.httpStatus));
    return null;
  }

  private get scheme(): 'http' | 'https' {
    return this.socket instanceof TLSSocket ? 'https' : 'http';
  }

  request(
    request: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
    refusal: RequestRefusal | null = null,
  ): void {
    this.begun = true;
    if (this.ending || this.socket.destroyed) return;
    if (this.queue.length >= pipelinedRequestsMax) {
      this.socket.destroy();
      return;
    }
    this.queue.push({ request, response, expectsContinue, refusal });
    if (this.current === null) this.next();
  }

  /** One that has just been opened is about to be used: its request is answered first. */
  drain(): void {
    this.draining = true;
    this.closing = true;
    if (this.idle && this.begun) this.end(null);
  }

  /** The parser cannot read on. What came before is still answered; a request that was cut off is not. */
  parseError(error: NodeJS.ErrnoException & { reason?: string }): void {
    if (this.ending || this.lastWords !== null) return;
    // A lost connection comes this way too; its `close` follows and says the rest.
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE' || !this.socket.writable) {
      this.socket.destroy();
      return;
    }
    // A connection that was opened and never used is closed without a word that its owner would take for a reply.
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && this.idle && this.socket.bytesRead === 0) {
      this.end(null);
      return;
    }
    const reply = replyToParseError(error);
    if (this.current !== null && !this.current.requestComplete) this.abortReply(reply, error);
    else if (this.idle) this.end(reply);
    else this.lastWords = reply;
  }

  /**
   * The client's FIN. Whole requests before it are answered, as HAProxy does, while nginx and Envoy take it for a cancel: it
   * may be either. A client that is gone resets the connection as soon as bytes reach it, so one that got some is there;
   * for the first of them it has a while.
   */
  halfClosed(): void {
    if (this.idle || this.handedOver || this.ending) return;
    const { bytesWritten } = this.socket;
    this.halfCloseTimer = this.clock.after(this.halfCloseTimeoutMs, () => {
      if (this.socket.bytesWritten === bytesWritten) this.socket.destroy();
    });
  }

  /** The socket is gone. */
  closed(): void {
    this.ending = true;
    this.halfCloseTimer?.cancel();
    this.queue.length = 0;
    const current = this.current;
    this.current = null;
    const message = 'the client closed the connection';
    current?.fail({ kind: 'closed', code: ErrorCode.CANCEL, message });
  }

  streamOver(): void {
    this.current = null;
    this.next();
  }

  private next(): void {
    if (this.saidClose) return this.end(this.lastWords);
    const queued = this.queue.shift();
    if (queued === undefined) {
      if (this.lastWords !== null || this.closing) this.end(this.lastWords);
      return;
    }
    if (this.lastWords !== null && !queued.request.complete) this.end(this.lastWords);
    else this.start(queued);
  }

  private start({ request, response, expectsContinue, refusal }: Queued): void {
    const read = refusal === null ? readRequestHead(request, this.scheme) : { refusal };
    if (read.refusal !== undefined) {
      const { httpStatus, reason } = read.refusal;
      this.end(errorReply(refusalError(reason), httpStatus));
      return;
    }
    const { head, end } = read.value;
    const stream = new ServerStream(request, response, this, { end, continue: expectsContinue });
    this.current = stream;
    this.onStream(stream, head, end, this.socket);
    stream.start();
  }

  private abortReply(reply: Buffer, error: Error): void {
    const current = this.current as ServerStream;
    this.current = null;
    const replied = current.replyStarted;
    current.fail({
      kind: 'protocol',
      code: ErrorCode.PROTOCOL_ERROR,
      message: `the client's ${error.message}`,
    });
    if (replied) this.socket.destroy();
    else this.end(reply);
  }

  private end(last: Buffer | null): void {
    this.ending = true;
    this.queue.length = 0;
    endSocket(this.socket, this.clock, last);
  }
}

function refusalError(reason: string, code: ReplyErrorCode = 'protocol_error') {
  return { code, detail: `the client sent ${reason}`, mayHaveProcessed: false };
}

function replyToParseError(error: NodeJS.ErrnoException & { reason?: string }): Buffer {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return errorReply(refusalError('a header section over the limit', 'header_too_large'));
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return errorReply(refusalError('chunk extensions over the limit'), 413);
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return errorReply(refusalError('no complete request head in time'), 408);
    default:
      return errorReply(refusalError(`a malformed request (${error.reason ?? error.code ?? error.message})`));
  }
}
