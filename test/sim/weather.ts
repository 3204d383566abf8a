import type { EndpointSpec } from '../../src/core/endpoint-spec.ts';
import { SettingId } from '../../src/http2/settings.ts';
import type { Draw } from './draw.ts';
import type { SimClient } from './sim-client.ts';
import type { SimClock } from './sim-clock.ts';
import type { SimNetwork } from './sim-network.ts';
import type { SimReplica } from './sim-replica.ts';
import type { SimSidecar } from './sim-sidecar.ts';
import type { Trace } from './trace.ts';

export interface WeatherDeps {
  readonly clock: SimClock;
  readonly draw: Draw;
  readonly trace: Trace;
  readonly network: SimNetwork;
  readonly sidecar: SimSidecar;
  readonly replicas: readonly SimReplica[];
  readonly clients: readonly SimClient[];
  readonly endpoints: readonly EndpointSpec[];
  /** Connections of clients may be lost too. */
  readonly hitsClients: boolean;
}

/** What goes wrong in a run, each for a while: everything is well again a few seconds after the last of it. */
export class Weather {
  private readonly deps: WeatherDeps;

  constructor(deps: WeatherDeps) {
    this.deps = deps;
  }

  /** Draws so many faults over a time. */
  forecast(count: number, withinMs: number): void {
    const { clock, draw } = this.deps;
    const faults: ReadonlyArray<() => void> = [
      () => this.stall(),
      () => this.stall(),
      () => this.cut(),
      () => this.cut(),
      () => this.reset(),
      () => this.fin(),
      () => this.goaway(),
      () => this.goaway(),
      () => this.crash(),
      () => this.unreachable(),
      () => this.pauseReplica(),
      () => this.shrinkWindows(),
      () => this.shrinkWindows(),
      () => this.fewerStreams(),
      () => this.shrinkTables(),
      () => this.rediscover(),
      () => this.drainByHand(),
      () => this.moveZones(),
      () => this.moveZones(),
      () => this.reconfigure(),
      () => this.replaceCluster(),
      () => this.replaceCluster(),
      () => this.cancelCalls(),
      () => this.cancelCalls(),
      () => this.drainDownstream(),
      () => this.cutCalls(),
    ];
    for (let i = 0; i < count; i++) clock.at(draw.int(0, withinMs), draw.of(faults));
  }

  private link() {
    const { draw, network, hitsClients } = this.deps;
    const links = network.alive().filter(({ name }) => hitsClients || !name.endsWith('>sidecar'));
    return links.length === 0 ? null : draw.of(links);
  }

  private replica(): SimReplica {
    return this.deps.draw.of(this.deps.replicas);
  }

  private later(run: () => void, lowMs = 1, highMs = 2000): void {
    const { clock, draw } = this.deps;
    clock.at(draw.size(lowMs, highMs), run);
  }

  private note(text: string): void {
    this.deps.trace.note(text);
  }

  private stall(): void {
    const link = this.link();
    if (link === null) return;
    const { draw } = this.deps;
    const forMs = draw.size(1, 3000);
    this.note(`${link.name} stalls for ${forMs} ms`);
    (draw.percent(50) ? link.client : link.server).stall(forMs);
  }

  private cut(): void {
    const link = this.link();
    if (link === null) return;
    const { draw } = this.deps;
    const bytes = draw.size(1, 20_000);
    this.note(`${link.name} will be cut after ${bytes} bytes`);
    (draw.percent(50) ? link.client : link.server).cutAfterBytes = bytes;
  }

  private reset(): void {
    const link = this.link();
    if (link === null) return;
    this.note(`${link.name} is reset`);
    (this.deps.draw.percent(50) ? link.client : link.server).cut();
  }

  private fin(): void {
    const link = this.link();
    if (link === null) return;
    this.note(`${link.name} is closed by its server`);
    link.server.destroy();
  }

  /** A graceful end in one step or in two. */
  private goaway(): void {
    const replica = this.replica();
    const twice = this.deps.draw.percent(60);
    this.note(`${replica.name} says GOAWAY${twice ? ' twice' : ''}`);
    for (const binding of [...replica.bindings]) {
      if (twice) {
        binding.connection.announceShutdown();
        this.later(() => binding.connection.shutdown(), 1, 500);
      } else binding.connection.shutdown();
    }
  }

  private crash(): void {
    const replica = this.replica();
    this.note(`${replica.name} crashes`);
    replica.crash();
    this.later(() => {
      this.note(`${replica.name} is back`);
      replica.state = 'up';
    });
  }

  private unreachable(): void {
    const replica = this.replica();
    replica.state = this.deps.draw.of(['down', 'mute'] as const);
    this.note(`${replica.name} is ${replica.state} to those who connect`);
    this.later(() => {
      replica.state = 'up';
    });
  }

  /** As by SIGSTOP: the kernel still takes bytes, nobody reads them. */
  private pauseReplica(): void {
    const replica = this.replica();
    const forMs = this.deps.draw.size(10, 3000);
    this.note(`${replica.name} pauses for ${forMs} ms`);
    for (const link of this.deps.network.alive())
      if (link.name.endsWith(`>${replica.name}`)) link.server.stall(forMs);
  }

  private shrinkWindows(): void {
    const replica = this.replica();
    const low = this.deps.draw.size(1, 60_000) - 1;
    this.note(`${replica.name} lowers its windows to ${low}`);
    this.sayAndTakeBack(replica, SettingId.INITIAL_WINDOW_SIZE, low, replica.options.streamWindowBytes);
  }

  private shrinkTables(): void {
    const replica = this.replica();
    const { headerTableBytesMax } = replica.options;
    const low = this.deps.draw.int(0, headerTableBytesMax);
    this.note(`${replica.name} lowers its header table to ${low}`);
    this.sayAndTakeBack(replica, SettingId.HEADER_TABLE_SIZE, low, headerTableBytesMax);
  }

  private sayAndTakeBack(replica: SimReplica, setting: number, low: number, before: number): void {
    const bindings = [...replica.bindings];
    for (const { connection } of bindings) if (!connection.over) connection.writer.settings([[setting, low]]);
    this.later(() => {
      for (const { connection } of bindings)
        if (!connection.over) connection.writer.settings([[setting, before]]);
    });
  }

  private fewerStreams(): void {
    const replica = this.replica();
    const before = replica.options.maxConcurrentStreams;
    const low = this.deps.draw.int(0, 5);
    this.note(`${replica.name} takes ${low} streams a connection`);
    const say = (value: number): void => {
      replica.options.maxConcurrentStreams = value;
      for (const { connection } of replica.bindings)
        if (!connection.over) connection.writer.settings([[SettingId.MAX_CONCURRENT_STREAMS, value]]);
    };
    say(low);
    this.later(() => say(Math.max(before, 1)));
  }

  private rediscover(): void {
    const { draw, endpoints, sidecar } = this.deps;
    const left = endpoints.filter(() => !draw.percent(30));
    this.note(`discovery knows ${left.length} of ${endpoints.length}`);
    sidecar.discover(left);
    this.later(() => sidecar.discover(endpoints));
  }

  private drainByHand(): void {
    const { sidecar } = this.deps;
    const { name } = this.replica();
    this.note(`${name} is drained by hand`);
    sidecar.cluster.drainEndpoint(name, true);
    this.later(() => sidecar.cluster.drainEndpoint(name, false));
  }

  /** The same endpoints in other zones, with other weights. */
  private moveZones(): void {
    const { draw, endpoints, sidecar } = this.deps;
    const zones = draw.percent(20) ? [''] : ['a', 'b', 'c'];
    const weights = draw.percent(50);
    const moved = endpoints.map((spec) => ({
      ...spec,
      zone: draw.of(zones),
      weight: weights ? draw.int(1, 5) : spec.weight,
    }));
    this.note(`endpoints move to the zones ${moved.map(({ zone }) => zone || 'none').join()}`);
    sidecar.discover(moved);
    this.later(() => sidecar.discover(endpoints));
  }

  private reconfigure(): void {
    const policy = this.deps.draw.of(['least_request', 'round_robin', 'random'] as const);
    this.note(`a reload changes the policy to ${policy}`);
    this.deps.sidecar.reconfigure(policy);
  }

  private replaceCluster(): void {
    this.note('a reload makes the cluster anew');
    this.deps.sidecar.replaceCluster();
  }

  /** A burst of cancellations; those of calls that wait for a connection come most often while a replica does not answer. */
  private cancelCalls(): void {
    const { draw, clients } = this.deps;
    const chance = draw.of([10, 50, 100]);
    const client = draw.of(clients);
    const count = client.cancelSome(() => draw.percent(chance));
    this.note(`${client.name} cancels ${count} calls`);
  }

  /** As a listener does it to an idle or an old connection, or to all as it drains. */
  private drainDownstream(): void {
    const all = [...this.deps.sidecar.downstreams];
    if (all.length === 0) return;
    const downstream = this.deps.draw.of(all);
    this.note('the sidecar drains a client');
    downstream.announceShutdown();
    this.later(() => downstream.shutdown(), 1, 300);
  }

  /** What is left when the grace of a drain is over. */
  private cutCalls(): void {
    this.note(`the sidecar cuts ${this.deps.sidecar.calls.abortAll()} calls`);
  }
}
