import { ErrorCode } from '../../src/core/error-code.ts';
import { HeaderBlock } from '../../src/core/header-block.ts';
import type { StreamReceiver } from '../../src/core/message-stream.ts';
import { bindHttp2, type Http2Binding } from '../../src/http2/bind.ts';
import type { ConnectionOptions } from '../../src/http2/options.ts';
import type { Http2Stream } from '../../src/http2/stream.ts';
import { FlushScheduler } from '../../src/transport/flush-scheduler.ts';
import { bodyHolds, metadataOf } from './call-spec.ts';
import type { CallFacts, Ledger } from './ledger.ts';
import type { SimClock } from './sim-clock.ts';
import type { Host } from './sim-network.ts';
import type { SimSocket } from './sim-socket.ts';

type Changeable<T> = { -readonly [K in keyof T]: T[K] };

/** A replica of the service: does what the script of each call says, over our own engine in the server role. */
export class SimReplica implements Host {
  state: Host['state'] = 'up';
  readonly name: string;
  readonly bindings: Http2Binding[] = [];
  /** Read anew by each connection and, for how many streams it takes, at each request. */
  readonly options: Changeable<ConnectionOptions>;
  private readonly clock: SimClock;
  private readonly scheduler: FlushScheduler;
  private readonly ledger: Ledger;
  private readonly onBinding: (name: string, binding: Http2Binding, socket: SimSocket) => void;

  constructor(
    name: string,
    options: ConnectionOptions,
    deps: { clock: SimClock; ledger: Ledger },
    onBinding: SimReplica['onBinding'],
  ) {
    this.name = name;
    this.options = { ...options };
    this.clock = deps.clock;
    this.ledger = deps.ledger;
    this.scheduler = new FlushScheduler(deps.clock.soon);
    this.onBinding = onBinding;
  }

  accept(socket: SimSocket): void {
    const deps = { clock: this.clock, scheduler: this.scheduler };
    const binding = bindHttp2(socket.asSocket, 'server', this.options, deps, {
      stream: (stream, head, end) => this.serve(binding, stream, head, end),
      oversize: (stream) => stream.reset(ErrorCode.REFUSED_STREAM),
      ended: () => {
        const index = this.bindings.indexOf(binding);
        if (index >= 0) this.bindings.splice(index, 1);
      },
    });
    this.bindings.push(binding);
    this.onBinding(this.name, binding, socket);
    binding.start();
  }

  /** Ends as a crash does; comes back with `state = 'up'`. */
  crash(): void {
    this.state = 'down';
    for (const { socket } of [...this.bindings]) socket.resetAndDestroy();
  }

  private serve(binding: Http2Binding, stream: Http2Stream, head: HeaderBlock, end: boolean): void {
    const facts = this.ledger.calls.get(Number(head.get('x-call')));
    if (facts === undefined) {
      this.ledger.violation(`${this.name} got a request that nobody made`);
      return stream.reset(ErrorCode.INTERNAL_ERROR);
    }
    const { id, reply } = facts.spec;
    if ((head.get('x-metadata') ?? '') !== metadataOf(facts.spec))
      this.ledger.violation(`the metadata of call ${id} is not what was sent`);
    if (reply.ending === 'refuse' || facts.refused < reply.refusals) {
      facts.refused++;
      this.ledger.trace.note(`${this.name} refuses call ${id}`);
      return stream.reset(ErrorCode.REFUSED_STREAM);
    }
    facts.taken++;
    this.ledger.trace.note(`${this.name} takes call ${id}`);
    new Service(this.clock, this.ledger, facts, binding, stream, end);
  }
}

/** The work on one call. */
class Service implements StreamReceiver {
  private readonly clock: SimClock;
  private readonly ledger: Ledger;
  private readonly facts: CallFacts;
  private readonly binding: Http2Binding;
  private readonly stream: Http2Stream;
  private received = 0;
  private requestEnded = false;
  private begun = false;
  private gone = false;

  constructor(
    clock: SimClock,
    ledger: Ledger,
    facts: CallFacts,
    binding: Http2Binding,
    stream: Http2Stream,
    end: boolean,
  ) {
    this.clock = clock;
    this.ledger = ledger;
    this.facts = facts;
    this.binding = binding;
    this.stream = stream;
    stream.receiver = this;
    if (end) this.endOfRequest();
    else if (facts.spec.reply.early) this.later(facts.spec.reply.thinkMs, () => this.begin());
  }

  head(): void {}
  data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    const { id, request, reply } = this.facts.spec;
    if (!bodyHolds(request, this.received, bytes, start, end))
      this.ledger.violation(`the request of call ${id} is not what was sent, from byte ${this.received} on`);
    this.received += end - start;
    if (reply.readPauseMs > 0) this.clock.at(reply.readPauseMs, () => this.stream.consumed(end - start));
    else this.stream.consumed(end - start);
    if (last) this.endOfRequest();
  }
  trailers(trailers: HeaderBlock): void {
    const { id, requestEnd } = this.facts.spec;
    if (requestEnd !== 'trailers' || trailers.get('x-sum') !== String(this.received))
      this.ledger.violation(`the request of call ${id} ended with other trailers than were sent`);
    this.endOfRequest();
  }
  failed(): void {
    this.gone = true;
  }
  sent(): void {}

  private endOfRequest(): void {
    const { id, request, reply } = this.facts.spec;
    if (this.requestEnded) this.ledger.violation(`the request of call ${id} ended twice`);
    this.requestEnded = true;
    if (!this.facts.requestSent)
      this.ledger.violation(`the request of call ${id} ended well, though its client has not ended it`);
    if (this.received !== request.bytes.length)
      this.ledger.violation(`the request of call ${id} ended after ${this.received} bytes`);
    if (!this.begun) this.later(reply.thinkMs, () => this.begin());
  }

  private later(ms: number, run: () => void): void {
    this.clock.at(ms, () => {
      if (!this.gone) run();
    });
  }

  private begin(): void {
    if (this.begun) return;
    this.begun = true;
    const { grpc, reply } = this.facts.spec;
    if (reply.ending === 'never') return;
    if (reply.ending === 'reset') return this.stop(reply.resetCode);
    const fields: Array<readonly [string, string]> = [[':status', '200']];
    if (grpc) fields.push(['content-type', 'application/grpc']);
    if (reply.trailersOnly && reply.ending !== 'cut') {
      this.facts.answered = true;
      this.stream.head(HeaderBlock.of(...fields, ['grpc-status', String(reply.status)]), true);
      return this.afterwards();
    }
    this.stream.head(HeaderBlock.of(...fields), false);
    this.say(0);
  }

  /** Message `index` and what follows it. */
  private say(index: number): void {
    const { grpc, reply } = this.facts.spec;
    const { ends, bytes, pauseMs } = reply.body;
    if (reply.ending === 'cut' && index * 2 >= ends.length) return this.stop(reply.resetCode);
    if (index >= ends.length) return this.finish();
    const last = index === ends.length - 1 && !grpc;
    // Before the bytes: what it writes here may be with the client at once.
    if (last) this.facts.answered = true;
    this.stream.data(bytes, index === 0 ? 0 : ends[index - 1], ends[index], last);
    if (last) return this.afterwards();
    if (pauseMs > 0) this.later(pauseMs, () => this.say(index + 1));
    else this.say(index + 1);
  }

  private finish(): void {
    const { grpc, reply } = this.facts.spec;
    this.facts.answered = true;
    if (grpc)
      this.stream.trailers(
        HeaderBlock.of(['grpc-status', String(reply.status)], ['x-end', `yes${metadataOf(this.facts.spec)}`]),
      );
    else this.stream.data(Buffer.alloc(0), 0, 0, true);
    this.afterwards();
  }

  private afterwards(): void {
    const { reply } = this.facts.spec;
    // Where the request was whole the engine has nothing to reset, but some servers do so all the same.
    if (reply.ending === 'whole then reset' && this.requestEnded && !this.pending)
      this.binding.connection.writer.rstStream(this.stream.id, ErrorCode.NO_ERROR);
    this.gone = true;
  }

  /** Part of the reply waits for a window: a reset now would overtake it. */
  private get pending(): boolean {
    return this.binding.connection.streams.get(this.stream.id) !== undefined;
  }

  private stop(code: number): void {
    this.ledger.trace.note(`call ${this.facts.spec.id} is reset with ${code}`);
    this.stream.reset(code);
    this.gone = true;
  }
}
