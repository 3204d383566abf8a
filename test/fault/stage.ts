import type { EndpointSpec } from '../../src/core/endpoint-spec.ts';
import { HeaderBlock } from '../../src/core/header-block.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { bindHttp2, type Http2Binding } from '../../src/http2/bind.ts';
import { type ConnectionOptions, connectionDefaults } from '../../src/http2/options.ts';
import type { Http2Stream } from '../../src/http2/stream.ts';
import type { CallRecord } from '../../src/telemetry/call-record.ts';
import { FlushScheduler } from '../../src/transport/flush-scheduler.ts';
import { Draw } from '../sim/draw.ts';
import { SimClock } from '../sim/sim-clock.ts';
import { type Host, type Link, SimNetwork } from '../sim/sim-network.ts';
import { SimSidecar } from '../sim/sim-sidecar.ts';
import type { SimSocket } from '../sim/sim-socket.ts';
import { Trace } from '../sim/trace.ts';
import { WireSide, windowViolations } from '../sim/wire-monitor.ts';
import { Recorder } from '../support/memory-pair.ts';

/** Bytes take this long from one end of a connection to the other, milliseconds. */
export const latencyMs = 0.1;

/** One call as its replica sees it. */
export interface Served {
  readonly stream: Http2Stream;
  readonly head: HeaderBlock;
  readonly recorder: Recorder;
  readonly connection: Http2Binding['connection'];
}

/** A replica whose every move a test makes. */
export class StageReplica implements Host {
  state: Host['state'] = 'up';
  readonly name: string;
  readonly served: Served[] = [];
  readonly bindings: Http2Binding[] = [];
  /** What it does with a call; nothing by itself. */
  onCall: (call: Served) => void = () => {};
  /** Connections begun to it, those that got nowhere included, by time. */
  readonly dialledMs: number[] = [];
  private readonly options: ConnectionOptions;
  private readonly stage: Stage;
  private readonly scheduler: FlushScheduler;

  constructor(name: string, options: Partial<ConnectionOptions>, stage: Stage) {
    this.name = name;
    this.options = { ...connectionDefaults, ...options };
    this.stage = stage;
    this.scheduler = new FlushScheduler(stage.clock.soon);
  }

  accept(socket: SimSocket): void {
    const { clock } = this.stage;
    const binding = bindHttp2(
      socket.asSocket,
      'server',
      this.options,
      { clock, scheduler: this.scheduler },
      {
        stream: (stream, head, end) => {
          const recorder = new Recorder();
          recorder.stream = stream;
          stream.receiver = recorder;
          recorder.head(head, end);
          const call = { stream, head, recorder, connection: binding.connection };
          this.served.push(call);
          this.onCall(call);
        },
        ended: () => this.bindings.splice(this.bindings.indexOf(binding), 1),
      },
    );
    this.bindings.push(binding);
    this.stage.know(socket, binding);
    binding.start();
  }
}

/** One client, the sidecar, replicas, on virtual time and over connections that do what they are told. */
export class Stage {
  readonly clock = new SimClock();
  readonly replicas: StageReplica[];
  readonly sidecar: SimSidecar;
  /** What discovery said at the start. */
  readonly endpoints: readonly EndpointSpec[];
  /** Calls that the sidecar settled, in order. */
  readonly records: CallRecord[] = [];
  readonly network: SimNetwork;
  private readonly violations: string[] = [];
  private readonly sides = new Map<SimSocket, () => Http2Binding['connection'] | null>();
  private readonly scheduler = new FlushScheduler(this.clock.soon);
  private client: Http2Binding | null = null;
  private readonly clientOptions: ConnectionOptions;

  constructor(
    options: {
      replicas?: number;
      replica?: Partial<ConnectionOptions>;
      client?: Partial<ConnectionOptions>;
      sidecar?: Partial<ConstructorParameters<typeof SimSidecar>[0]>;
    } = {},
  ) {
    const { clock } = this;
    const trace = new Trace(() => clock.now(), 1);
    this.network = new SimNetwork(clock, new Draw(new SeededRandom(1)), trace, false);
    const dial = this.network.dial.bind(this.network);
    this.network.dial = (address) => {
      this.replicas.find(({ name }) => name === address)?.dialledMs.push(clock.now());
      return dial(address);
    };
    this.network.newPath = () => ({ latencyMs: () => latencyMs, pieceBytes: (available) => available });
    this.replicas = Array.from({ length: options.replicas ?? 1 }, (_, i) => {
      const replica = new StageReplica(`10.0.0.${i + 1}:50051`, options.replica ?? {}, this);
      this.network.hosts.set(replica.name, replica);
      return replica;
    });
    this.endpoints = this.replicas.map((_, i) => ({
      address: { kind: 'tcp', host: `10.0.0.${i + 1}`, port: 50_051 },
      weight: 1,
      zone: '',
      priority: 0,
    }));
    this.clientOptions = { ...connectionDefaults, ...options.client };
    this.sidecar = new SimSidecar(
      {
        seed: 1,
        endpoints: this.endpoints,
        upstream: connectionDefaults,
        downstream: connectionDefaults,
        connectionsMax: 1024,
        pendingMax: 1024,
        requestsMax: 1024,
        replayBytesMax: 16_777_216,
        consecutiveErrors: 0,
        policy: 'round_robin',
        attemptPolicy: null,
        retriesMax: 1024,
        ...options.sidecar,
      },
      this,
      {
        began: () => {},
        settled: (record) => this.records.push(record),
        socket: (name, socket, role, connection) => {
          this.sides.set(socket, connection);
          new WireSide(name, socket, role, connection, (text) => this.violations.push(text));
        },
      },
    );
    this.network.hosts.set('sidecar', this.sidecar);
  }

  /** The wire is judged at the sidecar's ends alone: here it is the others that misbehave. */
  know(socket: SimSocket, binding: Http2Binding): void {
    this.sides.set(socket, () => binding.connection);
  }

  /** The client's connection to the sidecar. */
  get downstream(): Http2Binding {
    if (this.client !== null) return this.client;
    const socket = this.network.dial('sidecar');
    const { clock, scheduler } = this;
    const client = bindHttp2(
      socket.asSocket,
      'client',
      this.clientOptions,
      { clock, scheduler },
      {
        ended: () => {
          if (this.client === client) this.client = null;
        },
      },
    );
    this.know(socket, client);
    this.client = client;
    client.start();
    return client;
  }

  /** The next calls are those of another client, with a connection of its own. */
  otherClient(): void {
    this.client = null;
  }

  /** Begins a call; with `end` its request has no body. */
  call(
    end: boolean,
    fields: ReadonlyArray<readonly [string, string]> = grpcFields,
    recorder = new Recorder(),
  ): { stream: Http2Stream; recorder: Recorder } {
    const stream = this.downstream.connection.open(recorder);
    if (stream === null) throw new Error('the sidecar takes no call');
    recorder.stream = stream;
    const head = [
      [':method', 'POST'],
      [':scheme', 'http'],
      [':path', '/a.B/C'],
      [':authority', 'service'],
    ] as const;
    stream.head(HeaderBlock.of(...head, ...fields), end);
    return { stream, recorder };
  }

  /** The connection of the sidecar to a replica, or of the client to the sidecar. */
  link(to: string): Link {
    const found = this.network.alive().find(({ name }) => name.endsWith(`>${to}`));
    if (found === undefined) throw new Error(`no connection to ${to}`);
    return found;
  }

  links(to: string): number {
    return this.network.alive().filter(({ name }) => name.endsWith(`>${to}`)).length;
  }

  advance(ms: number): void {
    this.clock.advance(ms);
  }

  /** What must hold whenever no call is under way; then everything is taken down, and nothing may be left. */
  end(): void {
    const { sidecar, violations } = this;
    if (sidecar.calls.active > 0) violations.push(`${sidecar.calls.active} calls in flight`);
    for (const { address, active } of sidecar.cluster.all())
      if (active !== 0) violations.push(`${address} counts ${active} calls in flight`);
    for (const { name, client, server } of this.network.alive()) {
      const [one, other] = [this.sides.get(client)?.(), this.sides.get(server)?.()];
      if (!one || !other || one.over || other.over || one.active + other.active > 0) continue;
      violations.push(...windowViolations(`${name} up`, one, other));
      violations.push(...windowViolations(`${name} down`, other, one));
    }
    sidecar.stop();
    for (const { client, server } of this.network.alive()) {
      client.destroy();
      server.destroy();
    }
    this.advance(5000);
    if (this.clock.timers > 0) violations.push(`${this.clock.timers} timers are left`);
    if (violations.length > 0) throw new Error(violations.join('\n'));
  }
}

export const grpcFields = [
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
] as const;

export const replyHead = HeaderBlock.of([':status', '200'], ['content-type', 'application/grpc']);
export const okTrailers = HeaderBlock.of(['grpc-status', '0']);

/** What a client has of the end of its call. */
export function statusOf(recorder: Recorder): { status: string; error: string; message: string } {
  const block = recorder.trailersBlock ?? recorder.heads.at(-1);
  return {
    status: block?.get('grpc-status') ?? '',
    error: block?.get('x-outrigger-error') ?? '',
    message: decodeURIComponent(block?.get('grpc-message') ?? ''),
  };
}

/** Makes a stage that is checked and taken down after the test. To be called within a `describe`. */
export function stages(): (options?: ConstructorParameters<typeof Stage>[0]) => Stage {
  let made: Stage[] = [];
  afterEach(() => {
    const all = made;
    made = [];
    for (const stage of all) stage.end();
  });
  return (options) => {
    const stage = new Stage(options);
    made.push(stage);
    return stage;
  };
}
