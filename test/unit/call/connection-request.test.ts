import { expect } from 'chai';
import type { Affinity } from '../../../src/balancing/affinity.ts';
import { PassthroughCall } from '../../../src/call/passthrough-call.ts';
import type { ProxyContext } from '../../../src/call/plan.ts';
import { planRoute } from '../../../src/call/route-plan.ts';
import { allTraffic, type RequestView, type Stage } from '../../../src/call/stage.ts';
import { type Chosen, UpgradeCall, type UpgradeResult } from '../../../src/call/upgrade-call.ts';
import { endings } from '../../../src/core/ending.ts';
import { Field } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import type { ReplyError } from '../../../src/core/reply-error.ts';
import type { CallRecord } from '../../../src/telemetry/call-record.ts';
import { createRecentCalls } from '../../../src/telemetry/recent-calls.ts';
import type { Telemetry } from '../../../src/telemetry/telemetry.ts';
import { noTrace } from '../../../src/telemetry/tracing.ts';
import type { ConcurrencyLimiter } from '../../../src/upstream/concurrency-limiter.ts';
import { type CallRig, callRig, delayingStage, httpHead } from './call-rig.ts';

const peer = { address: '127.0.0.9', port: 9 };
const switched: UpgradeResult = {
  httpStatus: 101,
  bytesFromClient: 1,
  bytesToClient: 2,
  error: '',
  detail: '',
  declined: null,
};
const closed = {
  bytesFromClient: 1,
  bytesToClient: 2,
  error: '',
  detail: '',
  endedBy: 'upstream',
} as const;
const refused: ReplyError = { code: 'connect_failed', detail: 'it was refused', mayHaveProcessed: false };

function websocket({ context }: { readonly context: ProxyContext }): UpgradeCall {
  return new UpgradeCall(context, peer, httpHead(), () => {});
}

/** The TCP connections of a listener whose plan has these stages. */
function tcpContext(rig: CallRig, stages: readonly Stage[]): ProxyContext {
  const telemetry = { ...rig.context.telemetry, recent: createRecentCalls() } as Telemetry;
  return { ...rig.context, telemetry, passthrough: planRoute('', rig.cluster, stages) };
}

/** Every answer to a `choose`, in order. */
function choices(call: UpgradeCall): Chosen[] {
  const made: Chosen[] = [];
  call.choose((choice) => void made.push(choice));
  return made;
}

/** A stage that does this with each request. */
function doing(act: (request: RequestView) => void): Stage {
  return {
    policy: 'doing',
    appliesTo: allTraffic,
    request(request) {
      act(request);
      return null;
    },
  };
}

describe('a request that takes a connection of its own', () => {
  it('shows the stages of its route who sent it, and that no body follows', () => {
    const seen: unknown[] = [];
    const look = doing(({ traffic, peer, requestEnded, forwardsClient, cluster }) => {
      seen.push([traffic, peer, requestEnded, forwardsClient, cluster?.name]);
    });
    choices(websocket(callRig({ protocol: 'http1', stages: [look] })));
    choices(websocket(callRig({ protocol: 'http1', stages: [look], policies: { forwarded: {} } })));
    new PassthroughCall('tcp', () => tcpContext(callRig({ protocol: 'tcp' }), [look]), peer).choose();
    expect(seen).to.deep.equal([
      ['websocket', peer, true, true, 'greeter'],
      ['websocket', peer, true, false, 'greeter'],
      ['tcp', peer, true, true, 'greeter'],
    ]);
  });

  it('goes to the cluster that a stage chooses, with the head that a stage gives it', () => {
    const changed = new HeaderBlock([...httpHead().allFields, new Field('x-added', 'yes')]);
    const stage = doing((request) => {
      request.useCluster(rig.others[0].cluster);
      request.useHead(changed);
    });
    const rig: CallRig = callRig({ protocol: 'http1', others: ['canary'], stages: [stage] });
    const call = websocket(rig);
    const [choice] = choices(call);
    if (choice.kind !== 'endpoint') throw new Error(choice.kind);
    expect(choice.chosen.endpoint).to.equal(rig.others[0].cluster.all()[0]);
    expect(choice.chosen.head.get('x-added')).to.equal('yes');
    expect(call.record.cluster).to.equal('canary');
  });

  it('gives stages a trace context for the messages they send, and for TCP none', () => {
    const seen: unknown[] = [];
    const look = doing((request) => void seen.push(request.traceContext()));
    const own = new Field('traceparent', '00-1-2-01');
    const rig = callRig({ protocol: 'http1', stages: [look] });
    const telemetry = { ...rig.context.telemetry, begin: () => ({ ...noTrace, context: () => [own] }) };
    choices(websocket({ context: { ...rig.context, telemetry } as ProxyContext }));
    new PassthroughCall('tcp', () => tcpContext(callRig({ protocol: 'tcp' }), [look]), peer).choose();
    expect(seen).to.deep.equal([[own], []]);
  });

  it('begins a trace for a WebSocket, and none for TCP', () => {
    const begun: string[] = [];
    const traced = (context: ProxyContext): ProxyContext => {
      const telemetry = {
        ...context.telemetry,
        begin: () => {
          begun.push('request');
          return noTrace;
        },
        attempt: () => {
          begun.push('attempt');
          return null;
        },
      };
      return { ...context, telemetry } as ProxyContext;
    };
    const tcp = traced(tcpContext(callRig({ protocol: 'tcp' }), []));
    new PassthroughCall('tcp', () => tcp, peer).choose();
    expect(begun).to.deep.equal([]);
    choices(websocket({ context: traced(callRig({ protocol: 'http1' }).context) }));
    expect(begun).to.deep.equal(['request', 'attempt']);
  });

  it('tells each of its followers once that it is over, with its final record', () => {
    const settled: Array<readonly [string, CallRecord['endedBy'], number]> = [];
    const following = (name: string) =>
      doing((request) =>
        request.follow({
          settled: ({ endedBy, responseBytes }) => void settled.push([name, endedBy, responseBytes]),
        }),
      );
    const silent = doing((request) => request.follow({}));
    const stages = [following('first'), silent, following('second'), following('third')];
    const expected = ['first', 'second', 'third'].map((name) => [name, 'upstream', 2]);
    const upgrade = websocket(callRig({ protocol: 'http1', stages }));
    const [choice] = choices(upgrade);
    if (choice.kind === 'endpoint') choice.chosen.release(endings.answered, null);
    expect(settled).to.deep.equal([]);
    upgrade.ended(switched);
    expect(settled.splice(0)).to.deep.equal(expected);
    const tcp = new PassthroughCall('tcp', () => tcpContext(callRig({ protocol: 'tcp' }), stages), peer);
    tcp.choose();
    tcp.ended(closed);
    expect(settled).to.deep.equal(expected);
  });

  it('is not counted by the limit that follows latency once it has its endpoint', () => {
    const rig = callRig({ protocol: 'http1' });
    const released: string[] = [];
    const limiter: ConcurrencyLimiter = {
      limit: 1,
      inFlight: 0,
      refused: 0,
      baseLatencyMs: 0,
      tryAcquire: () => true,
      released: (outcome, latencyMs) => void released.push(`${outcome} ${latencyMs}`),
    };
    rig.cluster.limiter = limiter;
    const [choice] = choices(websocket(rig));
    expect(released).to.deep.equal(['unknown 0']);
    rig.clock.advance(1000);
    if (choice.kind === 'endpoint') choice.chosen.release(endings.answered, null);
    expect(released).to.deep.equal(['unknown 0']);
  });

  it('makes its affinity key once, from its head and the address of its client', () => {
    const asked: unknown[] = [];
    const picked: string[] = [];
    const affinity: Affinity = {
      keyOf: (head, clientAddress) => {
        asked.push([head.path, clientAddress]);
        return 'ada';
      },
      bind: (reply) => reply,
    };
    const rig = callRig({ protocol: 'http1', endpoints: 2, affinity });
    const { acquire } = rig.cluster;
    rig.cluster.acquire = function (...args) {
      picked.push(args[3]);
      return acquire.apply(this, args);
    };
    const call = websocket(rig);
    for (let i = 0; i < 2; i++) choices(call);
    expect(asked).to.deep.equal([['/a.B/x', '127.0.0.9']]);
    expect(picked).to.deep.equal(['ada', 'ada']);
  });

  it('has in the record of an attempt the error of its connection', () => {
    const rig = callRig({ protocol: 'http1' });
    const call = websocket(rig);
    const [choice] = choices(call);
    rig.clock.advance(30);
    if (choice.kind === 'endpoint') choice.chosen.release(endings.connectFailed, refused);
    const [attempt] = call.record.attempts;
    expect(attempt).to.include({ error: 'connect_failed', message: 'it was refused', tally: 'error' });
    expect(attempt.endedMs - attempt.startedMs).to.equal(30);
    expect(rig.endpoints[0]).to.include({ active: 0, error: 1 });
  });
});

describe('a request that a stage delays, and that takes a connection of its own', () => {
  it('gets its endpoint when the stage lets it go on, and not before', () => {
    const { stage, resume } = delayingStage();
    const rig = callRig({ protocol: 'http1', stages: [stage] });
    const made = choices(websocket(rig));
    expect([made.length, rig.cluster.active]).to.deep.equal([0, 0]);
    resume(null);
    expect(made.map(({ kind }) => kind)).to.deep.equal(['endpoint']);
    expect(rig.cluster.active).to.equal(1);
  });

  it('is told the error or the reply with which the stage ends the delay', () => {
    const { stage, resume } = delayingStage();
    const rig = callRig({ protocol: 'http1', stages: [stage] });
    const reply = { head: HeaderBlock.of([':status', '204']), body: null };
    const [first, second] = [websocket(rig), websocket(rig)];
    const answered = choices(first);
    resume({ kind: 'reply', reply });
    expect(answered).to.deep.equal([{ kind: 'reply', reply }]);
    const failed = choices(second);
    resume({ kind: 'error', error: refused });
    expect(failed).to.deep.equal([{ kind: 'error', error: refused }]);
    expect(rig.cluster.active).to.equal(0);
  });

  it('whose client leaves meanwhile takes the delay back, asks no endpoint and hears of it once', () => {
    const delaying = delayingStage();
    const rig = callRig({ protocol: 'http1', stages: [delaying.stage] });
    const call = websocket(rig);
    const made = choices(call);
    call.left();
    call.left();
    delaying.resume(null);
    const error = {
      code: 'protocol_error',
      detail: 'the client left before an endpoint was picked',
      mayHaveProcessed: false,
    };
    expect(made).to.deep.equal([{ kind: 'error', error }]);
    expect(delaying.cancelled).to.equal(1);
    expect(rig.cluster.active).to.equal(0);
    call.ended({ ...switched, httpStatus: 0, error: 'protocol_error' });
    expect(rig.settled[0]).to.include({ endedBy: 'client', error: 'protocol_error' });
    expect(rig.settled[0].attempts).to.deep.equal([]);
  });

  it('whose client leaves after the delay has nothing to take back', () => {
    const delaying = delayingStage();
    const rig = callRig({ protocol: 'http1', stages: [delaying.stage] });
    const call = websocket(rig);
    const made = choices(call);
    delaying.resume(null);
    call.left();
    expect(delaying.cancelled).to.equal(0);
    expect(made.map(({ kind }) => kind)).to.deep.equal(['endpoint']);
  });
});
