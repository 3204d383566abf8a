import { expect } from 'chai';
import { defaultBalancerSettings } from '../../../src/balancing/settings.ts';
import { Call } from '../../../src/call/call.ts';
import { CallIds } from '../../../src/call/call-ids.ts';
import type { AttemptPolicy } from '../../../src/call/dispatch/attempt-policy.ts';
import { CallCounter, type ProxyContext } from '../../../src/call/plan.ts';
import { ReplayBudget, replayBytesTotalMax } from '../../../src/call/replay-buffer.ts';
import { planRoute } from '../../../src/call/route-plan.ts';
import { allTraffic, type Resume, type Stage, type Verdict } from '../../../src/call/stage.ts';
import { VirtualClock } from '../../../src/core/clock.ts';
import { type ErrorCode, errorCodeName } from '../../../src/core/error-code.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import type { MessageStream, StreamFailure, StreamReceiver } from '../../../src/core/message-stream.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import type { DiscoverySource, Publish } from '../../../src/discovery/source.ts';
import { staticSource } from '../../../src/discovery/static.ts';
import { compileRoutes } from '../../../src/routing/router.ts';
import type { Raw } from '../../../src/schema/scalar-type.ts';
import type { CallRecord } from '../../../src/telemetry/call-record.ts';
import type { Registry } from '../../../src/telemetry/metrics/registry.ts';
import { nothingReplaced } from '../../../src/telemetry/propagation.ts';
import type { Telemetry } from '../../../src/telemetry/telemetry.ts';
import { noTrace } from '../../../src/telemetry/tracing.ts';
import { Cluster, type ClusterSettings } from '../../../src/upstream/cluster.ts';
import type { Endpoint } from '../../../src/upstream/endpoint.ts';
import type { OpenFailure, StreamOpener, StreamPool } from '../../../src/upstream/stream-opener.ts';
import { dispatcherOf } from '../../support/dispatchers.ts';
import { stagesOf } from '../../support/policies.ts';

/** One end of an exchange, in memory: writes down what is said to it, in order. */
export class FakeStream implements MessageStream {
  receiver: StreamReceiver | null = null;
  /** `head 200 end`, `data 5 last`, `trailers`, `reset CANCEL`. */
  readonly said: string[] = [];
  readonly heads: HeaderBlock[] = [];
  body: Buffer = Buffer.alloc(0);
  trailersBlock: HeaderBlock | null = null;
  credit = 0;
  expectsContinue = false;

  interim(head: HeaderBlock): void {
    this.said.push(`interim ${head.status}`);
  }
  head(head: HeaderBlock, end: boolean): void {
    this.heads.push(head);
    this.said.push(`head ${head.method || head.status}${end ? ' end' : ''}`);
  }
  data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    this.body = Buffer.concat([this.body, bytes.subarray(start, end)]);
    this.said.push(`data ${end - start}${last ? ' last' : ''}`);
  }
  trailers(trailers: HeaderBlock): void {
    this.trailersBlock = trailers;
    this.said.push('trailers');
  }
  consumed(bytes: number): void {
    this.credit += bytes;
  }
  reset(code: ErrorCode): void {
    this.said.push(`reset ${errorCodeName(code)}`);
    this.receiver = null;
  }
}

/** The pool of one endpoint; the test decides what becomes of those who ask. */
export class FakePool implements StreamPool {
  readonly asked: StreamOpener[] = [];
  /** In the order in which `grant` gave them. */
  readonly streams: FakeStream[] = [];
  /** Told of each stream that was given. */
  granted: (stream: FakeStream) => void = () => {};
  /** Answers at once, in this way, as a live connection or a known failure does. */
  atOnce: 'grant' | OpenFailure | null = 'grant';
  connections = 0;
  backingOff = '';
  cancelled = 0;

  open(opener: StreamOpener): void {
    if (this.atOnce === null) this.asked.push(opener);
    else if (this.atOnce === 'grant') this.grant(opener);
    else opener.openFailed(this.atOnce);
  }
  grant(opener: StreamOpener = this.asked.shift()!): void {
    const stream = new FakeStream();
    stream.receiver = opener;
    this.streams.push(stream);
    this.granted(stream);
    opener.opened(stream, null);
  }
  cancel(opener: StreamOpener): void {
    const index = this.asked.indexOf(opener);
    if (index >= 0) this.asked.splice(index, 1);
    this.cancelled++;
  }
  resetBackoff(): void {}
  retire(): void {}
  drain(): void {}
  close(): void {}
}

export interface CallRig {
  readonly clock: VirtualClock;
  readonly cluster: Cluster;
  readonly context: ProxyContext;
  /** By the endpoint's place in the list. */
  readonly pools: FakePool[];
  readonly endpoints: Endpoint[];
  /** Streams that the endpoints were given, in order of time. */
  readonly order: FakeStream[];
  readonly settled: CallRecord[];
  /** The clusters of `CallRigOptions.others`, in that order. */
  readonly others: ReadonlyArray<Pick<CallRig, 'cluster' | 'pools' | 'order'>>;
  /** An answer of discovery, where the cluster is `warming`: so many endpoints, by default all. */
  publish(endpoints?: number): void;
  /** A call from a client whose stream is given back. */
  call(head: HeaderBlock, end?: boolean, expectsContinue?: boolean): FakeStream;
}

export interface CallRigOptions {
  readonly endpoints?: number;
  readonly endpointRequestsMax?: number;
  readonly timeoutMs?: number;
  /** The policies of the route, as its file would hold them; the cluster is `greeter`. */
  readonly policies?: Readonly<Record<string, Raw>>;
  readonly registry?: Registry;
  /** Stages of the test's own, after those of the policies. */
  readonly stages?: readonly Stage[];
  /** Further clusters that policies may name, each with one endpoint and the protocol of the first. */
  readonly others?: readonly string[];
  /** Retries by policy, or hedging. */
  readonly attemptPolicy?: AttemptPolicy;
  readonly retriesMax?: number;
  readonly budgetBytes?: number;
  /** The process is short of memory. */
  readonly memoryHigh?: boolean;
  readonly requestsMax?: number;
  readonly protocol?: ClusterSettings['protocol'];
  readonly affinity?: ClusterSettings['affinity'];
  /** Discovery answers with `publish`, and not as the cluster starts. */
  readonly warming?: boolean;
}

/** When the calls of a rig begin, milliseconds: not 0, so that a moment is not taken for a duration. */
const startMs = 5000;

/** Endpoints that are known as the cluster starts, or, where it is `warming`, with `publish`. */
function discoveryOf(endpoints: number, clock: VirtualClock, warming: boolean) {
  const specs = Array.from({ length: endpoints }, (_, i) => ({
    address: { kind: 'tcp', host: '10.0.0.1', port: 1000 + i } as const,
    weight: 1,
    zone: '',
    priority: 0,
  }));
  const source = staticSource(specs, () => clock.now());
  if (!warming) return { source, publish(_count?: number) {} };
  let publishTo: Publish = () => {};
  const later: DiscoverySource = {
    ...source,
    start(publish) {
      publishTo = publish;
    },
  };
  return { source: later, publish: (count = endpoints) => publishTo(specs.slice(0, count)) };
}

/** A cluster in memory, whose pools write down what they are asked. */
function clusterInMemory(
  name: string,
  endpoints: number,
  clock: VirtualClock,
  options: CallRigOptions & { readonly requestsMax: number },
) {
  const pools: FakePool[] = [];
  const order: FakeStream[] = [];
  const { source, publish } = discoveryOf(endpoints, clock, options.warming === true);
  const cluster = new Cluster(
    {
      name,
      protocol: options.protocol ?? 'http2',
      balancer: { ...defaultBalancerSettings, policy: 'round_robin' },
      requestsMax: options.requestsMax,
      retriesMax: options.retriesMax,
      endpointRequestsMax: options.endpointRequestsMax,
      ...(options.affinity === undefined ? {} : { affinity: options.affinity }),
    },
    {
      clock,
      random: new SeededRandom(1),
      logger: silentLogger,
      discovery: source,
      newPool: () => {
        const pool = new FakePool();
        pool.granted = (stream) => order.push(stream);
        pools.push(pool);
        return pool;
      },
      watchHealth: null,
      outlier: null,
    },
  );
  cluster.start();
  return { cluster, pools, order, publish };
}

/** A call's surroundings without sockets: a cluster with pools in memory, one route `/a.B`, virtual time. */
export function callRig(options: CallRigOptions = {}): CallRig {
  const { endpoints = 1, timeoutMs = Number.POSITIVE_INFINITY, requestsMax = 100, protocol } = options;
  const clock = new VirtualClock();
  clock.advance(startMs);
  const { cluster, pools, order, publish } = clusterInMemory('greeter', endpoints, clock, {
    requestsMax,
    ...options,
  });
  const others = (options.others ?? []).map((name) =>
    clusterInMemory(name, 1, clock, { requestsMax, protocol }),
  );
  const settled: CallRecord[] = [];
  const telemetry = {
    replaced: nothingReplaced,
    begin: () => noTrace,
    attempt: () => null,
    settled: (record: CallRecord) => void settled.push(record),
    connectionSettled: (record: CallRecord) => void settled.push(record),
  } as unknown as Telemetry;
  const clusters = [cluster, ...others.map((other) => other.cluster)];
  const { policies = {}, registry, attemptPolicy } = options;
  const stages: Stage[] = stagesOf(policies, { clock, clusters, registry });
  stages.push(...(options.stages ?? []));
  stages.push({
    policy: 'test',
    appliesTo: allTraffic,
    timeoutMs,
    newDispatcher: dispatcherOf(attemptPolicy),
  });
  const plan = planRoute('hello', cluster, stages);
  const context: ProxyContext = {
    listener: 'in',
    routes: null,
    router: compileRoutes([{ name: 'hello', match: { pathPrefix: '/a.B' }, plan }]),
    telemetry,
    clock,
    watch: { observer: null },
    replayBudget: new ReplayBudget(options.budgetBytes ?? replayBytesTotalMax),
    memory: { high: options.memoryHigh ?? false },
    calls: new CallCounter(),
    ids: new CallIds(),
    passthrough: planRoute('', cluster, []),
  };
  return {
    clock,
    cluster,
    context,
    pools,
    order,
    endpoints: cluster.all(),
    settled,
    others,
    publish,
    call(head, end = true, expectsContinue = false) {
      const client = new FakeStream();
      client.expectsContinue = expectsContinue;
      new Call(context, client, { address: '127.0.0.9', port: 9 }, head, end).start();
      return client;
    },
  };
}

/** A stage that delays every request until the test decides; `resume` decides about the latest one. */
export function delayingStage() {
  const resumes: Resume[] = [];
  const delaying = {
    cancelled: 0,
    resume: (verdict: Verdict) => resumes.at(-1)!(verdict),
    stage: {
      policy: 'delaying',
      appliesTo: allTraffic,
      request(_request, resume) {
        resumes.push(resume);
        return { kind: 'wait', cancel: () => void delaying.cancelled++ };
      },
    } as Stage,
  };
  return delaying;
}

export const grpcHead = (...more: ReadonlyArray<readonly [string, string]>): HeaderBlock =>
  HeaderBlock.of(
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', '/a.B/C'],
    [':authority', 'orders'],
    ['content-type', 'application/grpc'],
    ...more,
  );

export const httpHead = (method = 'GET', path = '/a.B/x'): HeaderBlock =>
  HeaderBlock.of([':method', method], [':scheme', 'http'], [':path', path], [':authority', 'orders']);

export const replyHead = (status = '200', ...more: ReadonlyArray<readonly [string, string]>): HeaderBlock =>
  HeaderBlock.of([':status', status], ['content-type', 'application/grpc'], ...more);

export const failure = (kind: StreamFailure['kind'], code: ErrorCode = 0): StreamFailure => ({
  kind,
  code,
  message: `it was ${kind}`,
});

export const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Says bytes of a request on the client's behalf. */
export function send(client: FakeStream, text: string, last = false): void {
  const data = bytes(text);
  client.receiver!.data(data, 0, data.length, last);
}

/** A call that ended: nothing counts any more, it is on record once, and no timer is left. */
export function expectOver(rig: CallRig, calls = 1): void {
  expect(rig.cluster.active).to.equal(0);
  for (const endpoint of rig.endpoints) expect(endpoint.active).to.equal(0);
  expect(rig.context.calls).to.include({ active: 0, ended: calls });
  expect(rig.settled).to.have.length(calls);
  rig.cluster.stop(); // whose own timer is for its first moments
  for (const { cluster } of rig.others) {
    expect(cluster.active).to.equal(0);
    cluster.stop();
  }
  expect(rig.clock.pending).to.equal(0);
}
