import * as grpc from '@grpc/grpc-js';
import type { Clock } from '../../core/clock.ts';
import { LatencyHistogram } from '../../core/histogram.ts';
import type { Random } from '../../core/random.ts';
import { greeterService, type HelloReply, type HelloRequest } from './protos.ts';

export interface LoadSettings {
  /** `host:port` of the sidecar's listener. */
  readonly target: string;
  readonly callsPerSecond: number;
}

/** What the client saw. Latencies are of unary calls, in milliseconds (a stream lasts as long as it is meant to); 0 where there were none. */
export interface LoadFigures {
  readonly calls: number;
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly replicas: Readonly<Record<string, { calls: number; p50Ms: number; p99Ms: number }>>;
  /** One of the failures, as the client read it; '' where there was none. */
  readonly failure: string;
}

/** Of a hundred calls this many are streams; the rest are unary. */
const serverStreamPercent = 8;
const bidiPercent = 2;
const bidiMessages = 5;
const bidiPauseMs = 20;
/** A call that takes longer has failed, as far as the demo is concerned. */
const deadlineMs = 5000;

/**
 * An open-loop load over one client connection: calls start when they are due, whether or not earlier ones have
 * come back, as independent users would send them (a Poisson process).
 */
export class Load {
  private readonly client: grpc.Client;
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly gapMs: number;
  private readonly total = new Tally();
  private window = new Tally();
  private inFlight = 0;
  private stopping: (() => void) | null = null;
  private dueMs: number;

  constructor(settings: LoadSettings, clock: Clock, random: Random) {
    this.client = new grpc.Client(settings.target, grpc.credentials.createInsecure());
    this.clock = clock;
    this.random = random;
    this.gapMs = 1000 / settings.callsPerSecond;
    this.dueMs = clock.now();
    this.pace();
  }

  /** What was seen since the last time this was asked. */
  takeWindow(): LoadFigures {
    const figures = this.window.figures();
    this.window = new Tally();
    return figures;
  }

  /** Starts no more calls, waits for those in flight and gives the figures of the whole run. */
  async stop(): Promise<LoadFigures> {
    await new Promise<void>((done) => {
      this.stopping = done;
      if (this.inFlight === 0) done();
    });
    this.client.close();
    return this.total.figures();
  }

  private pace(): void {
    if (this.stopping !== null) return;
    const nowMs = this.clock.now();
    while (this.dueMs <= nowMs) {
      this.startCall();
      this.dueMs -= Math.log(1 - this.random.next()) * this.gapMs;
    }
    this.clock.after(this.dueMs - nowMs, () => this.pace());
  }

  private startCall(): void {
    const startedMs = this.clock.now();
    const kind = this.random.next() * 100;
    const streaming = kind < serverStreamPercent + bidiPercent;
    this.inFlight++;
    const done = (status: grpc.StatusObject, replica: string): void => {
      const ms = streaming ? null : this.clock.now() - startedMs;
      const failure = status.code === grpc.status.OK ? '' : `${grpc.status[status.code]}: ${status.details}`;
      this.total.add(replica, failure, ms);
      this.window.add(replica, failure, ms);
      if (--this.inFlight === 0) this.stopping?.();
    };
    if (kind < bidiPercent) this.bidi(done);
    else if (streaming) this.serverStream(done);
    else this.unary(done);
  }

  private unary(done: Done): void {
    const { path, requestSerialize, responseDeserialize } = greeterService.SayHello;
    let replica = '';
    this.client
      .makeUnaryRequest<HelloRequest, HelloReply>(
        path,
        requestSerialize,
        responseDeserialize,
        { name: 'world' },
        new grpc.Metadata(),
        this.options(),
        (_error, reply) => {
          replica = reply?.replica ?? '';
        },
      )
      // The reply's callback runs in the same turn, after this event.
      .on('status', (status) => setImmediate(() => done(status, replica)));
  }

  private serverStream(done: Done): void {
    const { path, requestSerialize, responseDeserialize } = greeterService.SayHelloStreamReply;
    const call = this.client.makeServerStreamRequest<HelloRequest, HelloReply>(
      path,
      requestSerialize,
      responseDeserialize,
      { name: 'world' },
      this.options(),
    );
    hear(call, done);
  }

  private bidi(done: Done): void {
    const { path, requestSerialize, responseDeserialize } = greeterService.SayHelloBidiStream;
    const call = this.client.makeBidiStreamRequest<HelloRequest, HelloReply>(
      path,
      requestSerialize,
      responseDeserialize,
      this.options(),
    );
    hear(call, done);
    let left = bidiMessages;
    const next = (): void => {
      if (left-- === 0) {
        call.end();
        return;
      }
      call.write({ name: 'world' });
      this.clock.after(bidiPauseMs, next);
    };
    next();
  }

  private options(): grpc.CallOptions {
    return { deadline: this.clock.wallMs() + deadlineMs };
  }
}

type Done = (status: grpc.StatusObject, replica: string) => void;

function hear(call: grpc.ClientReadableStream<HelloReply>, done: Done): void {
  let replica = '';
  call.on('data', (reply: HelloReply) => {
    replica = reply.replica;
  });
  call.on('error', () => {}); // the status event says the same
  call.on('status', (status: grpc.StatusObject) => done(status, replica));
}

/** Counts and latencies of some stretch of time. */
class Tally {
  private readonly latency = new LatencyHistogram();
  private readonly replicas = new Map<string, { calls: number; latency: LatencyHistogram }>();
  private calls = 0;
  private errors = 0;
  private failure = '';

  /** `ms` is null for a stream. */
  add(replica: string, failure: string, ms: number | null): void {
    this.calls++;
    if (failure !== '') {
      this.errors++;
      this.failure = failure;
      return;
    }
    let seen = this.replicas.get(replica);
    if (seen === undefined) {
      seen = { calls: 0, latency: new LatencyHistogram() };
      this.replicas.set(replica, seen);
    }
    seen.calls++;
    if (ms === null) return;
    this.latency.record(ms);
    seen.latency.record(ms);
  }

  figures(): LoadFigures {
    const of = (latency: LatencyHistogram) => ({
      p50Ms: latency.quantile(0.5),
      p99Ms: latency.quantile(0.99),
    });
    return {
      calls: this.calls,
      errors: this.errors,
      ...of(this.latency),
      replicas: Object.fromEntries(
        [...this.replicas].map(([name, { calls, latency }]) => [name, { calls, ...of(latency) }]),
      ),
      failure: this.failure,
    };
  }
}
