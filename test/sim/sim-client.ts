import { ErrorCode } from '../../src/core/error-code.ts';
import { HeaderBlock } from '../../src/core/header-block.ts';
import type { MessageStream, StreamFailure, StreamReceiver } from '../../src/core/message-stream.ts';
import { bindHttp2, type Http2Binding } from '../../src/http2/bind.ts';
import type { ConnectionOptions } from '../../src/http2/options.ts';
import { FlushScheduler } from '../../src/transport/flush-scheduler.ts';
import { bodyHolds, type CallSpec, metadataOf } from './call-spec.ts';
import type { CallFacts, Ledger, Outcome } from './ledger.ts';
import type { SimClock } from './sim-clock.ts';
import type { SimNetwork } from './sim-network.ts';
import type { SimSocket } from './sim-socket.ts';

/** Times that a client asks again when its own connection to the sidecar took no call or lost one that had not left. */
const triesMax = 20;

/** An application that calls through the sidecar, all over one connection for as long as it lasts. */
export class SimClient {
  readonly name: string;
  /** What the sidecar says to an error of its own, for the test to judge: `x-outrigger-error` and the sentence. */
  onError: (facts: CallFacts, code: string, sentence: string) => void = () => {};
  binding: Http2Binding | null = null;
  private readonly options: ConnectionOptions;
  private readonly clock: SimClock;
  private readonly network: SimNetwork;
  private readonly ledger: Ledger;
  private readonly scheduler: FlushScheduler;
  private readonly onBinding: (name: string, binding: Http2Binding, socket: SimSocket) => void;
  private readonly queue: Exchange[] = [];
  private readonly live = new Set<Exchange>();

  constructor(
    name: string,
    options: ConnectionOptions,
    deps: { clock: SimClock; network: SimNetwork; ledger: Ledger },
    onBinding: SimClient['onBinding'],
  ) {
    this.name = name;
    this.options = options;
    this.clock = deps.clock;
    this.network = deps.network;
    this.ledger = deps.ledger;
    this.onBinding = onBinding;
    this.scheduler = new FlushScheduler(deps.clock.soon);
  }

  call(spec: CallSpec): void {
    const facts = this.ledger.begin(spec);
    const ended = (outcome: Outcome, detail: string): void => {
      this.live.delete(exchange);
      this.ledger.ended(facts, outcome, detail);
    };
    const exchange = new Exchange(facts, this.clock, this.ledger, {
      ended,
      error: (code, sentence) => {
        facts.error = code;
        this.onError(facts, code, sentence);
        ended('error', `${code}: ${sentence}`);
      },
      again: () => this.submit(exchange),
    });
    this.live.add(exchange);
    this.submit(exchange);
  }

  /** Cancels calls of the given chance, wherever they are: here, waiting for a connection of the sidecar, or at a replica. */
  cancelSome(drawn: () => boolean): number {
    const chosen = [...this.live].filter(drawn);
    for (const exchange of chosen) exchange.cancel();
    return chosen.length;
  }

  /** Lets go of the connection. */
  close(): void {
    this.binding?.destroy('the client has ended');
    this.binding = null;
  }

  private submit(exchange: Exchange): void {
    exchange.facts.tries++;
    this.queue.push(exchange);
    this.serve();
  }

  private serve(): void {
    while (this.queue.length > 0) {
      if (this.queue[0].over) {
        this.queue.shift();
        continue;
      }
      if (this.binding === null || !this.binding.connection.accepting) this.connect();
      const { connection } = this.binding!;
      if (!connection.mayOpen) return;
      const exchange = this.queue.shift()!;
      const stream = connection.open(exchange);
      if (stream === null) return;
      exchange.start(stream);
    }
  }

  private connect(): void {
    const socket = this.network.dial('sidecar');
    const deps = { clock: this.clock, scheduler: this.scheduler };
    const binding = bindHttp2(socket.asSocket, 'client', this.options, deps, {
      // Not within the event: the connection is in the middle of something.
      capacity: () => this.clock.soon(() => this.serve()),
      ended: () => {
        if (this.binding === binding) this.binding = null;
        this.clock.at(1, () => this.serve());
      },
    });
    this.binding = binding;
    this.onBinding(this.name, binding, socket);
    binding.start();
  }
}

interface ExchangeListener {
  ended(outcome: Outcome, detail: string): void;
  error(code: string, sentence: string): void;
  again(): void;
}

/** One call as the client lives it. */
class Exchange implements StreamReceiver {
  readonly facts: CallFacts;
  over = false;
  private readonly clock: SimClock;
  private readonly ledger: Ledger;
  private readonly listener: ExchangeListener;
  private stream: MessageStream | null = null;
  private received = 0;
  private headSeen = false;
  private errorHead: HeaderBlock | null = null;
  private errorText = '';

  constructor(facts: CallFacts, clock: SimClock, ledger: Ledger, listener: ExchangeListener) {
    this.facts = facts;
    this.clock = clock;
    this.ledger = ledger;
    this.listener = listener;
    const { cancelAfterMs } = facts.spec;
    if (cancelAfterMs !== null) this.later(cancelAfterMs, () => this.cancel());
  }

  start(stream: MessageStream): void {
    this.stream = stream;
    const { id, grpc, metadataBytes, request, requestEnd, timeoutMs } = this.facts.spec;
    this.ledger.trace.note(`call ${id} begins`);
    const fields: Array<readonly [string, string]> = [
      [':method', 'POST'],
      [':scheme', 'http'],
      [':path', `/sim.Service/Call/${id}`],
      [':authority', 'service'],
      ['x-call', String(id)],
    ];
    if (grpc) fields.push(['content-type', 'application/grpc'], ['te', 'trailers']);
    if (metadataBytes > 0) fields.push(['x-metadata', metadataOf(this.facts.spec)]);
    if (timeoutMs !== null) fields.push(['grpc-timeout', `${timeoutMs}m`]);
    const bodyless = request.ends.length === 0 && requestEnd !== 'trailers';
    if (bodyless) this.facts.requestSent = true;
    stream.head(HeaderBlock.of(...fields), bodyless);
    if (!bodyless) this.say(stream, 0);
  }

  // The request.

  private say(stream: MessageStream, index: number): void {
    if (stream !== this.stream) return;
    const { request, requestEnd } = this.facts.spec;
    const { ends, bytes, pauseMs } = request;
    if (index >= ends.length) return this.finish(stream);
    const last = index === ends.length - 1 && requestEnd === 'with data';
    if (last) this.facts.requestSent = true;
    stream.data(bytes, index === 0 ? 0 : ends[index - 1], ends[index], last);
    if (last) return;
    if (pauseMs > 0) this.later(pauseMs, () => this.say(stream, index + 1));
    else this.say(stream, index + 1);
  }

  private finish(stream: MessageStream): void {
    const { request, requestEnd } = this.facts.spec;
    this.facts.requestSent = true;
    if (requestEnd === 'trailers') stream.trailers(HeaderBlock.of(['x-sum', String(request.bytes.length)]));
    else stream.data(Buffer.alloc(0), 0, 0, true);
  }

  cancel(): void {
    this.ledger.trace.note(`call ${this.facts.spec.id} is cancelled`);
    this.end();
    this.stream?.reset(ErrorCode.CANCEL);
    this.listener.ended('cancelled', '');
  }

  // The reply.

  head(head: HeaderBlock, end: boolean): void {
    this.heard();
    if (this.headSeen) this.wrong('got a second head');
    this.headSeen = true;
    if (head.get('x-outrigger-error') !== undefined) {
      this.errorHead = head;
      if (end) this.failedWith(head, '');
    } else if (end) this.whole(head);
  }
  data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    this.heard();
    const { spec } = this.facts;
    if (this.errorHead !== null) {
      this.errorText += Buffer.from(bytes.subarray(start, end)).toString('utf8');
      if (last) this.failedWith(this.errorHead, this.errorText);
    } else {
      if (!bodyHolds(spec.reply.body, this.received, bytes, start, end))
        this.wrong(`got other bytes than were sent, from ${this.received} on`);
      this.received += end - start;
    }
    const { stream } = this;
    if (spec.readPauseMs > 0) this.clock.at(spec.readPauseMs, () => stream?.consumed(end - start));
    else stream?.consumed(end - start);
    if (last && this.errorHead === null) this.whole(null);
  }
  trailers(trailers: HeaderBlock): void {
    this.heard();
    if (trailers.get('x-outrigger-error') !== undefined) this.failedWith(trailers, '');
    else this.whole(trailers);
  }
  failed(failure: StreamFailure): void {
    this.heard();
    const safe = failure.kind === 'unsent' || failure.kind === 'refused';
    if (safe && this.facts.tries < triesMax) {
      this.stream = null;
      this.received = 0;
      this.facts.requestSent = false;
      // In a turn of its own: the connection is in the middle of something.
      this.later(1, () => this.listener.again());
      return;
    }
    this.end();
    this.listener.ended(failure.kind === 'closed' ? 'lost' : 'reset', failure.message);
  }
  sent(): void {}

  /** The reply ended well, or so it seems. */
  private whole(last: HeaderBlock | null): void {
    const { spec, answered } = this.facts;
    this.end();
    if (!answered) this.wrong('ended well, though no replica has said all of its reply');
    if (this.received !== spec.reply.body.bytes.length)
      this.wrong(`ended well after ${this.received} of ${spec.reply.body.bytes.length} bytes`);
    if (spec.grpc && last?.get('grpc-status') !== String(spec.reply.status))
      this.wrong(`ended with status ${last?.get('grpc-status')} instead of ${spec.reply.status}`);
    if (spec.grpc && !spec.reply.trailersOnly && last?.get('x-end') !== `yes${metadataOf(spec)}`)
      this.wrong('lost a trailer');
    this.listener.ended('whole', '');
  }

  private failedWith(block: HeaderBlock, text: string): void {
    const { spec } = this.facts;
    this.end();
    if (spec.grpc && block.get('grpc-status') === '0') this.wrong('got an error with status 0');
    this.listener.error(
      block.get('x-outrigger-error')!,
      decodeURIComponent(block.get('grpc-message') ?? text),
    );
  }

  private end(): void {
    this.over = true;
  }

  /** Something came. */
  private heard(): void {
    if (this.over) this.wrong('heard more after its end');
  }

  private wrong(what: string): void {
    this.ledger.violation(`call ${this.facts.spec.id} ${what}`);
  }

  private later(ms: number, run: () => void): void {
    this.clock.at(ms, () => {
      if (!this.over) run();
    });
  }
}
