import { expect } from 'chai';
import { stickyAffinity } from '../../../src/balancing/sticky.ts';
import type { ProxyContext } from '../../../src/call/plan.ts';
import { planRoute } from '../../../src/call/route-plan.ts';
import type { Stage } from '../../../src/call/stage.ts';
import {
  type Chosen,
  type ChosenEndpoint,
  UpgradeCall,
  type UpgradeResult,
} from '../../../src/call/upgrade-call.ts';
import { endings } from '../../../src/core/ending.ts';
import { Field } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import type { ReplyError } from '../../../src/core/reply-error.ts';
import { compileRoutes } from '../../../src/routing/router.ts';
import type { AttemptRecord } from '../../../src/telemetry/call-record.ts';
import { makePropagation } from '../../../src/telemetry/propagation.ts';
import { makeSampler } from '../../../src/telemetry/sampler.ts';
import type { Telemetry } from '../../../src/telemetry/telemetry.ts';
import { type CallTrace, contextTracing } from '../../../src/telemetry/tracing.ts';
import { watchLeases } from '../../support/leases.ts';
import { Recorder } from '../../support/memory-pair.ts';
import { callRig, delayingStage, httpHead } from './call-rig.ts';

class Attempts extends Recorder {
  opens = 0;
  opened(): void {
    this.opens++;
  }
  openFailed(): void {
    throw new Error('no stream');
  }
}

const peer = { address: '127.0.0.9', port: 9 };
const result = (over: Partial<UpgradeResult> = {}): UpgradeResult => ({
  httpStatus: 101,
  bytesFromClient: 10,
  bytesToClient: 20,
  error: '',
  detail: '',
  declined: null,
  ...over,
});

const switching = HeaderBlock.of([':status', '101'], ['sec-websocket-accept', 'a']);
const refused: ReplyError = { code: 'connect_failed', detail: 'it was refused', mayHaveProcessed: false };

function upgrade(context: ProxyContext, head = httpHead()): UpgradeCall {
  return new UpgradeCall(context, peer, head, () => {});
}

function choose(call: UpgradeCall): Chosen {
  let made: Chosen | null = null;
  call.choose((choice) => {
    made = choice;
  });
  return made!;
}

function endpointOf(call: UpgradeCall): ChosenEndpoint {
  const choice = choose(call);
  if (choice.kind !== 'endpoint') throw new Error(JSON.stringify(choice));
  return choice.chosen;
}

function errorOf(call: UpgradeCall): ReplyError {
  const choice = choose(call);
  if (choice.kind !== 'error') throw new Error(choice.kind);
  return choice.error;
}

describe('UpgradeCall', () => {
  it('is routed, picked, counted and recorded as a call', () => {
    const rig = callRig({ protocol: 'http1' });
    const call = upgrade(rig.context);
    const chosen = endpointOf(call);
    expect(chosen.endpoint.target).to.deep.equal({ kind: 'tcp', host: '10.0.0.1', port: 1000 });
    expect(chosen.clientAddress, 'for x-forwarded-for').to.equal(peer.address);
    expect([rig.cluster.active, rig.context.calls.active]).to.deep.equal([1, 1]);
    rig.clock.advance(5000);
    chosen.release(endings.answered, null);
    call.ended(result());
    expect([rig.cluster.active, rig.context.calls.active, rig.context.calls.ended]).to.deep.equal([0, 0, 1]);
    expect(rig.settled[0]).to.include({
      httpStatus: 101,
      grpcStatus: -1,
      requestBytes: 10,
      responseBytes: 20,
      endedBy: 'upstream',
      error: '',
    });
    expect(rig.settled[0].endedMs - rig.settled[0].startedMs).to.equal(5000);
    expect(rig.endpoints[0].success).to.equal(1);
  });

  it('sends each endpoint the trace context of its own attempt, where there is one', () => {
    const rig = callRig({ protocol: 'http1', endpoints: 2 });
    const tracing = contextTracing({
      sampler: makeSampler('always_on', 1),
      random: new SeededRandom(2),
      sink: { record() {} },
      propagation: makePropagation(['tracecontext', 'b3']),
    });
    const telemetry = {
      ...rig.context.telemetry,
      replaced: tracing.replaced,
      begin: (head, record) => tracing.begin(head, record),
      attempt: (_record: unknown, trace: CallTrace, attempt: AttemptRecord) => trace.attempt(attempt),
    } as Telemetry;
    const came = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const head = new HeaderBlock([...httpHead().allFields, new Field('traceparent', came)]);
    const call = upgrade({ ...rig.context, telemetry }, head);
    const sent = [0, 1].map(() => {
      const chosen = endpointOf(call);
      chosen.release(endings.connectFailed, refused);
      return ['traceparent', 'b3'].map((name) => chosen.head.all(name).join());
    });
    call.ended(result({ httpStatus: 503 }));
    const spans = rig.settled[0].attempts.map(({ spanId }) => String(spanId));
    expect(new Set(spans).size).to.equal(2);
    expect(sent).to.deep.equal(
      spans.map((span) => [
        `00-0af7651916cd43dd8448eb211c80319c-${span}-01`,
        `0af7651916cd43dd8448eb211c80319c-${span}-1`,
      ]),
    );
  });

  it('gets another endpoint each time it asks, until there is none', () => {
    const rig = callRig({ protocol: 'http1', endpoints: 2 });
    const call = upgrade(rig.context);
    const ports: number[] = [];
    for (let i = 0; i < 2; i++) {
      const chosen = endpointOf(call);
      const { target } = chosen.endpoint;
      if (target.kind === 'tcp') ports.push(target.port);
      chosen.release(endings.connectFailed, refused);
    }
    expect(ports.sort()).to.deep.equal([1000, 1001]);
    expect(errorOf(call).code).to.equal('no_healthy_endpoint');
    call.ended(result({ httpStatus: 503, error: 'no_healthy_endpoint', detail: 'none' }));
    expect(rig.settled[0]).to.include({
      error: 'no_healthy_endpoint',
      endedBy: 'outrigger',
      httpStatus: 503,
    });
    expect(rig.settled[0].attempts.map(({ error, message }) => [error, message])).to.deep.equal([
      ['connect_failed', 'it was refused'],
      ['connect_failed', 'it was refused'],
    ]);
    expect(rig.cluster.active).to.equal(0);
  });

  it('binds the session of the client to the endpoint that it got, and a bound one gets nothing', () => {
    const affinity = stickyAffinity({
      cookie: { name: 'session', path: '/', sameSite: 'lax', secure: false },
    });
    const rig = callRig({ protocol: 'http1', affinity });
    const fieldsFor = (cookies: readonly Field[]) => {
      const head = new HeaderBlock([...httpHead().allFields, ...cookies]);
      const chosen = endpointOf(upgrade(rig.context, head));
      chosen.release(endings.answered, null);
      return (chosen.replyHead(switching) as HeaderBlock).all('set-cookie');
    };
    const [value] = fieldsFor([]);
    expect(value).to.match(/^session=[\w-]{22}; Path=\//);
    expect(fieldsFor([new Field('cookie', value.split(';')[0])])).to.deep.equal([]);
    rig.cluster.stop();
  });

  it('says so where there is no route, no room, or TCP alone behind it', () => {
    const noRoute = upgrade(callRig().context, httpHead('GET', '/other'));
    expect(errorOf(noRoute).code).to.equal('no_route');
    const tcp = upgrade(callRig({ protocol: 'tcp' }).context);
    expect(errorOf(tcp).detail).to.contain('whose protocol is tcp');
    const full = callRig({ protocol: 'http1', requestsMax: 1 });
    endpointOf(upgrade(full.context));
    const second = upgrade(full.context);
    expect(errorOf(second).code).to.equal('overloaded');
  });

  it('is ended by closing its socket when a drain runs out of time', () => {
    const rig = callRig({ protocol: 'http1' });
    let closed = false;
    const call = new UpgradeCall(rig.context, peer, httpHead(), () => {
      closed = true;
    });
    expect(rig.context.calls.abortAll()).to.equal(1);
    expect(closed).to.equal(true);
    call.ended(result({ httpStatus: 0, error: 'upstream_closed' }));
    expect(rig.context.calls.active).to.equal(0);
    expect(rig.settled[0]).to.include({ endedBy: 'outrigger', error: 'upstream_closed' });
  });

  it('may reach the clusters of its route while a stage delays it, then the one that it goes to', () => {
    const { stage, resume } = delayingStage();
    const [chosen, other] = [callRig({ protocol: 'http1' }).cluster, callRig().cluster];
    const choosing: Stage = {
      policy: 'choosing',
      appliesTo: ['websocket'],
      request(request) {
        request.useCluster(chosen);
        return null;
      },
    };
    const rig = callRig({ protocol: 'http1' });
    const plan = planRoute('hello', rig.cluster, [stage, choosing], new Set([chosen]));
    const router = compileRoutes([{ name: 'hello', match: { pathPrefix: '/a.B' }, plan }]);
    const call = upgrade({ ...rig.context, router });
    const reached = () => [rig.cluster, chosen, other].map((cluster) => call.mayReach(cluster));
    call.choose(() => {});
    expect(reached()).to.deep.equal([true, true, false]);
    resume(null);
    expect(reached()).to.deep.equal([false, true, false]);
    const lost = upgrade(rig.context, httpHead('GET', '/other'));
    expect(lost.mayReach(rig.cluster), 'without a route').to.equal(false);
  });

  it('sends each endpoint the head that the stages of its attempts make, in the order of the list', () => {
    const adding = (value: string): Stage => ({
      policy: 'adding',
      appliesTo: ['websocket'],
      attempt: (_request, head, endpoint) =>
        new HeaderBlock([...head.allFields, new Field('x-stage', `${value} ${endpoint.address}`)]),
    });
    const rig = callRig({ protocol: 'http1', stages: [adding('1'), adding('2')] });
    const { head } = endpointOf(upgrade(rig.context));
    expect(head.all('x-stage')).to.deep.equal(['1 10.0.0.1:1000', '2 10.0.0.1:1000']);
  });

  it('ends with the error of a stage that refuses an attempt, and blames no endpoint', () => {
    const refusing: Stage = { policy: 'refusing', appliesTo: ['websocket'], attempt: () => refused };
    const rig = callRig({ protocol: 'http1', stages: [refusing] });
    const call = upgrade(rig.context);
    expect(choose(call)).to.deep.equal({ kind: 'error', error: refused });
    expect(rig.endpoints[0]).to.include({ active: 0, error: 0, other: 1 });
    expect(call.record.attempts[0]).to.include({ error: 'connect_failed', tally: 'other' });
    call.ended(result({ httpStatus: 502, error: 'connect_failed', detail: 'it was refused' }));
    expect(rig.settled[0].endedBy).to.equal('outrigger');
  });

  describe('the policies of its route that act on replies', () => {
    const policies = { headers: { reply: { set: { 'x-seen': 'yes' } } } };
    const seen = (head: HeaderBlock | ReplyError): string | undefined => (head as HeaderBlock).get('x-seen');

    it('act on the reply of the endpoint to the handshake, whatever that is', () => {
      const chosen = endpointOf(upgrade(callRig({ protocol: 'http1', policies }).context));
      expect(seen(chosen.replyHead(switching))).to.equal('yes');
      expect(seen(chosen.replyHead(HeaderBlock.of([':status', '403'])))).to.equal('yes');
    });

    it('act on errors of Outrigger and on replies of policies', () => {
      const answering = { ...policies, respond: { status: 403 } };
      const call = upgrade(callRig({ protocol: 'http1', policies: answering }).context);
      const choice = choose(call);
      expect(choice.kind === 'reply' && seen(choice.reply.head)).to.equal('yes');
      const { head, body } = call.errorReply(refused);
      expect([head.status, seen(head)]).to.deep.equal([503, 'yes']);
      expect(String(body)).to.contain('it was refused');
      const lost = upgrade(callRig().context, httpHead('GET', '/other'));
      expect(seen(lost.errorReply(refused).head), 'without a route').to.equal(undefined);
    });

    it('may end the WebSocket with an error', () => {
      const refusing: Stage = { policy: 'refusing', appliesTo: ['websocket'], reply: () => refused };
      const rig = callRig({ protocol: 'http1', stages: [refusing] });
      expect(endpointOf(upgrade(rig.context)).replyHead(switching)).to.equal(refused);
    });
  });

  describe('to an HTTP/2 endpoint', () => {
    const opener = () => Object.assign(new Attempts(), { clientAddress: '', forwardsClient: false });

    it('gets a stream of its pool, and takes the request for one back', () => {
      const rig = callRig();
      const { openStream, endpoint } = endpointOf(upgrade(rig.context));
      const asking = opener();
      openStream!(asking);
      expect([endpoint.target, asking.opens]).to.deep.equal([rig.endpoints[0].target, 1]);
      rig.pools[0].atOnce = null;
      openStream!(opener())();
      expect(rig.pools[0]).to.deep.include({ cancelled: 1, asked: [] });
      expect(endpointOf(upgrade(callRig({ protocol: 'http1' }).context)).openStream).to.equal(null);
    });

    it('knows what a failure is to the client, and what it says of the endpoint', () => {
      const { streamFailure } = endpointOf(upgrade(callRig().context));
      const message = 'it went away';
      const closed = streamFailure({ kind: 'closed', code: 0, message });
      expect([closed.error.code, closed.ending]).to.deep.equal(['upstream_closed', endings.connectionEnded]);
      const failed = streamFailure({ code: 'connect_timeout', message });
      expect([failed.error, failed.ending]).to.deep.equal([
        { code: 'connect_timeout', detail: message, mayHaveProcessed: false },
        endings.connectFailed,
      ]);
    });

    it('names the endpoint where the client named no host, which HTTP/2 requires', () => {
      const nameless = httpHead().allFields.filter(({ name }) => name !== ':authority');
      const head = new HeaderBlock([new Field(':authority', ''), ...nameless]);
      expect(endpointOf(upgrade(callRig().context, head)).head.authority).to.equal('10.0.0.1:1000');
    });
  });

  it('says nothing of its client to endpoints where a policy of its route writes that', () => {
    const rig = callRig({ protocol: 'http1', policies: { forwarded: {} } });
    expect(endpointOf(upgrade(rig.context)).clientAddress).to.equal(null);
  });

  it('has in its record how each attempt went, and when', () => {
    const rig = callRig({ protocol: 'http1', endpoints: 2 });
    const took: number[] = [];
    watchLeases(rig.cluster, { ended: (_ending, tookMs) => took.push(tookMs) });
    const call = upgrade(rig.context);
    for (const [ms, ending, error] of [
      [20, endings.connectFailed, refused],
      [300, endings.answered, null],
    ] as const) {
      const chosen = endpointOf(call);
      expect(chosen.replyHead(switching)).to.equal(switching);
      rig.clock.advance(ms);
      chosen.release(ending, error);
    }
    call.ended(result());
    const [{ attempts }] = rig.settled;
    expect(attempts.map(({ kind, tally, httpStatus }) => [kind, tally, httpStatus])).to.deep.equal([
      ['first', 'error', 0],
      ['transparent', 'ok', 101],
    ]);
    expect(attempts.map(({ startedMs, endedMs }) => endedMs - startedMs)).to.deep.equal([20, 300]);
    expect(took).to.deep.equal([20, 300]);
  });

  describe('its record', () => {
    const ended = (over: Partial<UpgradeResult>, head = httpHead()) => {
      const rig = callRig({ protocol: 'http1' });
      const call = upgrade(rig.context, head);
      const choice = choose(call);
      if (choice.kind === 'endpoint') choice.chosen.release(endings.answered, null);
      call.ended(result(over));
      return rig.settled[0];
    };

    it('has the status with which the endpoint declined, and what that said of it', () => {
      const declined = HeaderBlock.of([':status', '403'], ['x-outrigger-error', 'denied']);
      const record = ended({ httpStatus: 403, declined });
      expect(record).to.include({ httpStatus: 403, endedBy: 'upstream', error: '' });
      expect(record.attempts[0].httpStatus).to.equal(403);
      expect(String(record.attempts[0].message)).to.equal('x-outrigger-error: denied');
    });

    it('has no status of the endpoint where the status is ours', () => {
      const record = ended({ httpStatus: 502, error: 'upstream_closed', detail: 'it went away' });
      expect(record).to.include({
        httpStatus: 502,
        error: 'upstream_closed',
        detail: 'it went away',
        endedBy: 'outrigger',
      });
      expect(record.attempts[0].httpStatus).to.equal(0);
    });

    it('says that Outrigger ended it where a policy replied and no endpoint was asked', () => {
      const rig = callRig({ protocol: 'http1', policies: { respond: { status: 204 } } });
      const call = upgrade(rig.context);
      expect(choose(call).kind).to.equal('reply');
      call.ended(result({ httpStatus: 204 }));
      expect(rig.settled[0]).to.include({ httpStatus: 204, endedBy: 'outrigger', error: '' });
      expect(rig.settled[0].attempts).to.deep.equal([]);
    });

    it('has a code of the error table alone, and says who ended it', () => {
      expect(ended({ error: 'ECONNRESET' })).to.include({ error: '', endedBy: 'outrigger' });
      expect(ended({ error: 'protocol_error' })).to.include({ error: 'protocol_error', endedBy: 'client' });
      expect(ended({ httpStatus: 0 })).to.include({ httpStatus: 0, endedBy: 'client' });
      expect(ended({ httpStatus: 1 })).to.include({ endedBy: 'upstream' });
      expect(ended({ httpStatus: 0, error: 'upstream_closed' })).to.include({ endedBy: 'outrigger' });
    });

    it("says that a refused target is the client's doing, and that nobody was asked", () => {
      const record = ended({ httpStatus: 400, error: 'no_route' }, httpHead('GET', '/a.B/ x'));
      expect(record).to.include({ endedBy: 'client', httpStatus: 400 });
      expect(record.attempts).to.deep.equal([]);
    });
  });

  it('is refused before an endpoint is picked: its target, no memory, TCP alone, an injected fault', () => {
    const abort = { percent: 100, httpStatus: 418 };
    const policies = { fault: { abort } };
    for (const [rig, head, code] of [
      [callRig({ protocol: 'http1' }), httpHead('GET', '/a.B/ x'), 'protocol_error'],
      [callRig({ protocol: 'http1', memoryHigh: true }), httpHead(), 'overloaded'],
      [callRig({ protocol: 'tcp' }), httpHead(), 'no_route'],
      [callRig({ protocol: 'http1', policies }), httpHead(), 'fault_injected'],
    ] as const) {
      expect(errorOf(upgrade(rig.context, head))).to.include({ code, mayHaveProcessed: false });
      expect(rig.cluster.active).to.equal(0);
    }
  });

  it('is refused by the rate limit of its route, once for all the endpoints it asks for', () => {
    const policies = { rateLimit: { requests: 1 } };
    const rig = callRig({ protocol: 'http1', endpoints: 2, policies });
    const first = upgrade(rig.context);
    for (let i = 0; i < 2; i++) endpointOf(first);
    const second = upgrade(rig.context);
    expect(errorOf(second)).to.include({ code: 'rate_limited', retryAfterMs: 1000 });
    first.ended(result());
    second.ended(result({ httpStatus: 429, error: 'rate_limited', detail: 'more come' }));
  });
});
