import type { EndpointSpec } from '../../src/core/endpoint-spec.ts';
import { SeededRandom } from '../../src/core/random.ts';
import type { Http2Binding } from '../../src/http2/bind.ts';
import { BufferBudget } from '../../src/http2/buffer-budget.ts';
import { HpackCaches } from '../../src/http2/hpack/caches.ts';
import { type ConnectionOptions, connectionDefaults } from '../../src/http2/options.ts';
import { drawCall } from './call-spec.ts';
import { Draw } from './draw.ts';
import { drawAttemptPolicy } from './draw-attempt-policy.ts';
import { Judge } from './judge.ts';
import { Ledger } from './ledger.ts';
import { SimClient } from './sim-client.ts';
import { SimClock } from './sim-clock.ts';
import { SimNetwork } from './sim-network.ts';
import { SimReplica } from './sim-replica.ts';
import { SimSidecar } from './sim-sidecar.ts';
import type { SimSocket } from './sim-socket.ts';
import { Trace } from './trace.ts';
import { Weather } from './weather.ts';

export interface RunResult {
  readonly seed: number;
  readonly violations: readonly string[];
  /** The same for every run of the seed. */
  readonly hash: string;
  readonly calls: number;
  readonly counts: ReadonlyMap<string, number>;
  readonly steps: number;
  readonly frames: number;
  readonly trace: readonly string[];
}

/** By then every call has ended, or hangs. */
const patienceMs = 300_000;
/** After the last call, for what is still on its way. */
const settleMs = 10_000;
/** After the last fault, longer than any back-off and ejection there can be. */
const recoverMs = 320_000;
const lateCalls = 5;
/** After everything was closed, for the last bytes and for what lingers over them. */
const closeMs = 5000;

/** Everything that happens to the product with one seed, and what of it must not have. */
export function simulate(seed: number, linesKept = 60): RunResult {
  const run = new Run(seed, linesKept);
  try {
    run.play();
  } catch (error) {
    run.ledger.violation(`it threw ${error instanceof Error ? error.stack : String(error)}`);
  }
  return run.result();
}

class Run {
  readonly ledger: Ledger;
  private readonly seed: number;
  private readonly clock = new SimClock();
  private readonly trace: Trace;
  private readonly draw: Draw;
  /** Nothing goes wrong: every call must succeed. */
  private readonly calm: boolean;
  private readonly durationMs: number;
  private readonly network: SimNetwork;
  private readonly endpoints: readonly EndpointSpec[];
  private readonly replicas: readonly SimReplica[];
  private readonly clients: readonly SimClient[];
  private readonly sidecar: SimSidecar;
  private readonly judge: Judge;

  constructor(seed: number, linesKept: number) {
    this.seed = seed;
    this.trace = new Trace(() => this.clock.now(), linesKept);
    const draw = new Draw(new SeededRandom(seed));
    this.draw = draw;
    this.ledger = new Ledger(this.trace);
    this.calm = draw.percent(10);
    this.durationMs = draw.size(500, 8000);
    const { clock, ledger, trace } = this;
    const network = new SimNetwork(clock, draw, trace, draw.percent(80));
    this.network = network;
    const hitsClients = !this.calm && draw.percent(40);
    this.judge = new Judge({ ledger, network, trace, calm: this.calm, hitsClients });
    const watch = (name: string, binding: Http2Binding, socket: SimSocket): void =>
      this.judge.watch(name, socket, binding.connection.role, () => binding.connection);
    this.replicas = Array.from({ length: draw.int(1, 5) }, (_, i) => {
      const name = `10.0.0.${i + 1}:50051`;
      const replica = new SimReplica(name, drawOptions(draw, this.calm), { clock, ledger }, watch);
      network.hosts.set(name, replica);
      return replica;
    });
    this.endpoints = this.replicas.map((_, i) => ({
      address: { kind: 'tcp', host: `10.0.0.${i + 1}`, port: 50_051 },
      weight: draw.int(1, 3),
      zone: '',
      priority: 0,
    }));
    this.sidecar = this.makeSidecar();
    network.hosts.set('sidecar', this.sidecar);
    this.clients = Array.from({ length: draw.int(1, 4) }, (_, i) => {
      const deps = { clock, network, ledger };
      const client = new SimClient(`client ${i + 1}`, drawOptions(draw, this.calm), deps, watch);
      client.onError = (facts, code, sentence) => this.judge.errorSeen(facts, code, sentence);
      return client;
    });
    const { sidecar, replicas, endpoints, clients } = this;
    const weather = new Weather({
      clock,
      draw,
      trace,
      network,
      sidecar,
      replicas,
      clients,
      endpoints,
      hitsClients,
    });
    if (!this.calm) weather.forecast(draw.int(1, 25), this.durationMs);
  }

  play(): void {
    const { clock, draw, ledger } = this;
    const count = draw.size(40, 400);
    for (let id = 1; id <= count; id++) this.call(id, draw.int(0, this.durationMs), this.calm);
    while (clock.now() < this.durationMs || ledger.open > 0)
      if (clock.now() > patienceMs || !clock.step()) break;
    clock.advance(settleMs);
    this.judge.settled(this.sidecar);
    // A connection that was to be lost and has not carried enough for it is safe from here on.
    for (const { client, server } of this.network.links)
      client.cutAfterBytes = server.cutAfterBytes = Number.POSITIVE_INFINITY;
    clock.advance(recoverMs);
    this.judge.recovered(this.sidecar);
    for (let id = count + 1; id <= count + lateCalls; id++) {
      this.judge.late.add(id);
      this.call(id, draw.int(0, 100), true);
    }
    clock.advance(recoverMs);
    this.judge.settled(this.sidecar);
    for (const client of this.clients) client.close();
    this.sidecar.stop();
    for (const replica of this.replicas) for (const { socket } of [...replica.bindings]) socket.destroy();
    clock.advance(closeMs);
    this.judge.closed(this.sidecar, clock);
  }

  private call(id: number, afterMs: number, calm: boolean): void {
    const spec = drawCall(this.draw, id, calm);
    const client = this.draw.of(this.clients);
    this.clock.at(afterMs, () => client.call(spec));
  }

  result(): RunResult {
    return {
      seed: this.seed,
      violations: this.ledger.violations,
      hash: this.trace.hash,
      calls: this.ledger.calls.size,
      counts: this.ledger.counts(),
      steps: this.clock.steps,
      frames: this.judge.frames,
      trace: this.trace.last(),
    };
  }

  private makeSidecar(): SimSidecar {
    const { draw, calm, judge } = this;
    const tight = !calm && draw.percent(20);
    // What all its connections may hold together for those who do not read.
    const short = !calm && draw.percent(15);
    const budget = new BufferBudget(short ? draw.size(100_000, 5_000_000) : Number.POSITIVE_INFINITY);
    judge.memory = { budget, short };
    const hpackCaches = new HpackCaches();
    const settings = {
      seed: this.seed ^ 0x5eed,
      endpoints: this.endpoints,
      upstream: { ...drawOptions(draw, calm), budget, hpackCaches },
      downstream: { ...drawOptions(draw, calm), budget, hpackCaches },
      connectionsMax: tight ? draw.int(1, 3) : 1024,
      pendingMax: tight ? draw.int(5, 100) : 1024,
      requestsMax: tight ? draw.int(20, 200) : 1024,
      replayBytesMax: tight ? draw.size(10_000, 1_000_000) : 16_777_216,
      consecutiveErrors: draw.percent(50) ? 5 : 0,
      policy: draw.of(['least_request', 'least_request', 'round_robin', 'random'] as const),
      attemptPolicy: drawAttemptPolicy(draw),
      retriesMax: draw.percent(20) ? draw.int(0, 5) : 1024,
    };
    judge.replaysAll = !tight;
    return new SimSidecar(
      settings,
      { clock: this.clock, network: this.network },
      {
        began: (record) => judge.recordBegan(record, this.sidecar.cluster),
        settled: (record) => judge.recordSettled(record, this.sidecar),
        socket: (name, socket, role, connection) => judge.watch(name, socket, role, connection),
      },
    );
  }
}

/** Of one process; its HPACK caches are new, since the bytes that it sends must depend on the seed alone. */
function drawOptions(draw: Draw, calm: boolean): ConnectionOptions {
  const streamWindowBytes = draw.of([500, 5000, 16_384, 65_535, 65_536, 65_536, 200_000]);
  return {
    ...connectionDefaults,
    hpackCaches: new HpackCaches(),
    streamWindowBytes,
    streamWindowBytesMax: draw.of([streamWindowBytes, 1_048_576]),
    connectionWindowBytes: draw.of([65_535, 100_000, 1_048_576, 1_048_576]),
    bufferedBytesMax: draw.of([70_000, 1_000_000, 16_777_216]),
    headerTableBytesMax: draw.of([0, 200, 4096, 4096]),
    maxConcurrentStreams: calm ? 1024 : draw.of([1, 5, 30, 100, 1024, 1024]),
  };
}
