import { type Address, formatAddress } from '../core/address.ts';
import { type Ending, endings } from '../core/ending.ts';
import { ErrorCode } from '../core/error-code.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { MessageStream, StreamFailure, StreamReceiver } from '../core/message-stream.ts';
import type { ReplyError } from '../core/reply-error.ts';
import { HandshakeError } from './handshake.ts';
import type { HandshakeEvents } from './http2-proxy.ts';
import { TunnelDuplex } from './tunnel-duplex.ts';
import { connectOfHandshake, keyOf, switchingOfConnectReply } from './websocket-head.ts';

/** Why there was no stream; see `StreamOpener` of `src/upstream/`. */
interface OpenFailure {
  readonly code: 'connect_failed' | 'connect_timeout' | 'overloaded';
  readonly message: string;
}

/** Asks for a stream; see `StreamOpener` of `src/upstream/`. */
export interface StreamRequester extends StreamReceiver {
  readonly clientAddress: string;
  readonly forwardsClient: boolean;
  opened(stream: MessageStream): void;
  openFailed(failure: OpenFailure): void;
}

/** How an HTTP/2 endpoint is asked for a WebSocket. */
export interface Http2Dial {
  /** Answers once, by `opened` or `openFailed`, unless what it returns was called before. */
  open(requester: StreamRequester): () => void;
  /** What a failure is to the client, and what it says of the endpoint. */
  failureOf(failure: StreamFailure | OpenFailure): { readonly error: ReplyError; readonly ending: Ending };
}

const nothing = Buffer.alloc(0);

/** A WebSocket handshake with an HTTP/2 endpoint: an extended CONNECT, on a stream beside others (RFC 8441 section 5). */
export class Http2Handshake implements StreamRequester {
  readonly clientAddress = '';
  readonly forwardsClient = false;
  private readonly address: Address;
  private readonly dial: Http2Dial;
  private readonly events: HandshakeEvents;
  private cancel = (): void => {};
  private request: HeaderBlock | null = null;
  private clientKey = '';
  private stream: MessageStream | null = null;
  private over = false;

  constructor(address: Address, dial: Http2Dial, events: HandshakeEvents) {
    this.address = address;
    this.dial = dial;
    this.events = events;
  }

  /** `head` is the request as the endpoint gets it, with the key of an HTTP/1.1 client, which checks the answer to it. */
  start(head: HeaderBlock, isClientHttp2: boolean): void {
    this.clientKey = isClientHttp2 ? '' : keyOf(head);
    if (!isClientHttp2 && this.clientKey === '') {
      const detail = 'the client sent the handshake of a WebSocket without sec-websocket-key';
      return this.fail({ code: 'protocol_error', detail, mayHaveProcessed: false }, endings.unsendable);
    }
    this.request = connectOfHandshake(head);
    this.cancel = this.dial.open(this);
  }

  stop(): void {
    if (this.over) return;
    this.over = true;
    if (this.stream === null) this.cancel();
    else this.stream.reset(ErrorCode.CANCEL);
  }

  opened(stream: MessageStream): void {
    this.stream = stream;
    const { request } = this;
    const name = formatAddress(this.address);
    const bytesMax = stream.headListBytesMax ?? Number.POSITIVE_INFINITY;
    if (stream.takesExtendedConnect !== true) {
      const detail = `endpoint ${name} does not allow WebSockets over HTTP/2 (SETTINGS_ENABLE_CONNECT_PROTOCOL); if it serves HTTP/1.1, write protocol: http1 in the cluster`;
      this.refuse({ code: 'no_route', detail, mayHaveProcessed: false });
    } else if (request!.listBytes > bytesMax) {
      const detail = `the headers have ${request!.listBytes} bytes, and endpoint ${name} takes ${bytesMax}`;
      this.refuse({ code: 'header_too_large', detail, mayHaveProcessed: false });
    } else stream.head(request!, false);
  }

  openFailed(failure: OpenFailure): void {
    const { error, ending } = this.dial.failureOf(failure);
    this.fail(error, ending, true);
  }

  head(head: HeaderBlock, end: boolean): void {
    if (this.over) return;
    this.over = true;
    const duplex = new TunnelDuplex(this.stream!);
    duplex.on('error', () => {}); // http2-proxy stops listening when it is done; an error after that must not throw.
    if (end) duplex.trailers();
    if (head.status < 300)
      this.events.switched(switchingOfConnectReply(head, this.clientKey), duplex, nothing);
    else this.events.replied(head, duplex);
  }

  failed(failure: StreamFailure): void {
    const { error, ending } = this.dial.failureOf(failure);
    this.fail(error, ending, failure.kind === 'unsent' || failure.kind === 'refused');
  }

  // None of these comes before the head; behind it the duplex is the receiver.
  data(): void {}
  trailers(): void {}
  sent(): void {}

  private refuse(error: ReplyError): void {
    this.stream!.reset(ErrorCode.CANCEL);
    this.fail(error, endings.unsendable);
  }

  private fail(error: ReplyError, ending: Ending, mayRetry = false): void {
    if (this.over) return;
    this.over = true;
    this.events.failed(new HandshakeError(error, ending, mayRetry));
  }
}
