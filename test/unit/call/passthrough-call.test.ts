import { expect } from 'chai';
import { PassthroughCall, type PassthroughChoice } from '../../../src/call/passthrough-call.ts';
import type { ProxyContext } from '../../../src/call/plan.ts';
import { planRoute } from '../../../src/call/route-plan.ts';
import { endings } from '../../../src/core/ending.ts';
import { createRecentCalls } from '../../../src/telemetry/recent-calls.ts';
import { watchLeases } from '../../support/leases.ts';
import { callRig } from './call-rig.ts';

const peer = { address: '127.0.0.9', port: 9 };
const result = { bytesFromClient: 3, bytesToClient: 4, error: '', detail: '', endedBy: 'upstream' as const };

function chosen(call: PassthroughCall): PassthroughChoice {
  const choice = call.choose();
  if ('code' in choice) throw new Error(choice.detail);
  return choice;
}

describe('PassthroughCall', () => {
  function setUp(endpoints: number, requestsMax = 100) {
    const rig = callRig({ endpoints, protocol: 'tcp', requestsMax });
    const recent = createRecentCalls();
    const context = {
      ...rig.context,
      telemetry: { ...rig.context.telemetry, connectionSettled: recent.add },
    } as ProxyContext;
    return { rig, recent, call: new PassthroughCall('tcp', () => context, peer) };
  }

  it('is picked, counted and remembered, each attempt with its reason and how it failed', () => {
    const { rig, recent, call } = setUp(2);
    const took: number[] = [];
    watchLeases(rig.cluster, { ended: (_ending, tookMs) => took.push(tookMs) });
    const first = chosen(call);
    expect([rig.cluster.active, first.endpoint.active]).to.deep.equal([1, 1]);
    first.release(endings.connectFailed, 'connect_failed', 'nobody listens there');
    const second = chosen(call);
    expect(second.endpoint).not.to.equal(first.endpoint);
    rig.clock.advance(500);
    second.release(endings.answered, '', 'both sides have closed it');
    expect(rig.cluster.active).to.equal(0);
    call.ended(result);
    const [record] = recent.recent();
    expect(record).to.include({ tcp: true, cluster: 'greeter', listener: 'in', clientPort: 9, error: '' });
    expect(record).to.include({ requestBytes: 3, responseBytes: 4, endedBy: 'upstream' });
    expect(record.endedMs - record.startedMs).to.equal(500);
    expect(record).to.include({ grpc: false, requestMessages: 0, responseMessages: 0 });
    expect(record.attempts.map(({ tally }) => tally)).to.deep.equal(['error', 'ok']);
    expect(record.attempts.map(({ startedMs, endedMs }) => endedMs - startedMs)).to.deep.equal([0, 500]);
    expect(took).to.deep.equal([0, 500]);
    const told = record.attempts.map(({ kind, error, message }) => [kind, error, String(message)]);
    expect(told).to.deep.equal([
      ['first', 'connect_failed', 'nobody listens there'],
      ['transparent', '', ''],
    ]);
    expect(String(record.attempts[0].pick)).to.match(
      /^2 endpoints were usable; 10\.0\.0\.1:100\d had the most/,
    );
    expect(String(record.attempts[1].pick)).to.match(
      /^2 endpoints were usable, 1 used by an earlier attempt; 10\.0\.0\.1:100\d was the only choice of the round robin/,
    );
  });

  it('goes to the same endpoint again where there is no other', () => {
    const { call } = setUp(1);
    const first = chosen(call);
    first.release(endings.connectFailed, 'connect_timeout', 'no answer');
    const second = chosen(call);
    expect(second.endpoint).to.equal(first.endpoint);
    second.release(endings.answered, '', '');
  });

  it('takes no place in a full cluster, and says that it is full', () => {
    const { rig, call } = setUp(1, 1);
    const other = new PassthroughCall('tcp', () => rig.context, peer);
    const taken = chosen(other);
    expect(call.choose()).to.include({
      code: 'overloaded',
      detail: 'cluster greeter is at its limit of 1 request in flight',
    });
    expect(rig.cluster.active).to.equal(1);
    taken.release(endings.answered, '', '');
    expect(rig.cluster.active).to.equal(0);
  });

  it('says why there was no endpoint, and counts nothing', () => {
    const { rig, recent, call } = setUp(1);
    rig.cluster.drainEndpoint('10.0.0.1:1000', true);
    const detail = 'cluster greeter has no usable endpoint: 10.0.0.1:1000 drained by hand';
    const error = 'no_healthy_endpoint';
    expect(call.choose()).to.include({ code: error, detail });
    call.ended({ ...result, error, detail, endedBy: 'outrigger' });
    expect(recent.failed()[0]).to.include({ error: 'no_healthy_endpoint', detail });
    expect([rig.cluster.active, recent.recent()[0].attempts.length]).to.deep.equal([0, 0]);
  });

  it('is refused while the process is short of memory, and takes no endpoint', () => {
    const { rig, recent } = setUp(1);
    const telemetry = { ...rig.context.telemetry, connectionSettled: recent.add };
    const context = { ...rig.context, telemetry, memory: { high: true } } as ProxyContext;
    const call = new PassthroughCall('tcp', () => context, peer);
    const refusal = { code: 'overloaded', detail: 'the sidecar is short of memory', mayHaveProcessed: false };
    expect(call.choose()).to.deep.equal(refusal);
    call.ended({ ...result, error: 'overloaded', detail: refusal.detail, endedBy: 'outrigger' });
    expect(recent.recent()[0]).to.include({ error: 'overloaded', endedBy: 'outrigger' });
    expect([rig.cluster.active, call.record.attempts.length]).to.deep.equal([0, 0]);
  });

  it('is admitted once: memory that runs short after that does not refuse its next attempt', () => {
    const { rig } = setUp(2);
    const memory = { high: false };
    const call = new PassthroughCall('tcp', () => ({ ...rig.context, memory }), peer);
    chosen(call).release(endings.connectFailed, 'connect_failed', 'nobody listens there');
    memory.high = true;
    chosen(call).release(endings.answered, '', '');
    expect(call.record.attempts).to.have.length(2);
  });

  it('goes to the cluster of the reloaded configuration with its next attempt', () => {
    const rig = callRig({ protocol: 'tcp', others: ['replacing'] });
    const replacing = rig.others[0].cluster;
    let context = rig.context;
    const call = new PassthroughCall('tcp', () => context, peer);
    const first = chosen(call);
    first.release(endings.connectFailed, 'connect_failed', 'nobody listens there');
    context = { ...rig.context, passthrough: planRoute('', replacing, []) };
    const second = chosen(call);
    expect(second.endpoint).to.equal(replacing.all()[0]);
    expect([rig.cluster.active, replacing.active]).to.deep.equal([0, 1]);
    expect(call.record.cluster).to.equal('replacing');
    second.release(endings.connectFailed, 'connect_failed', 'nobody listens there either');
  });

  it('keeps its cluster where the reloaded configuration has another protocol for its listener', () => {
    const { rig } = setUp(2);
    let context = rig.context;
    const call = new PassthroughCall('tcp', () => context, peer);
    const first = chosen(call);
    first.release(endings.connectFailed, 'connect_failed', 'nobody listens there');
    context = { ...rig.context, passthrough: null };
    const second = chosen(call);
    expect(rig.endpoints).to.include(second.endpoint);
    expect(second.endpoint).not.to.equal(first.endpoint);
    second.release(endings.answered, '', '');
  });

  it('is a session of UDP as well, with its datagrams', () => {
    const { rig, recent } = setUp(1);
    const context = {
      ...rig.context,
      telemetry: { ...rig.context.telemetry, connectionSettled: recent.add },
    } as ProxyContext;
    const call = new PassthroughCall('udp', () => context, peer);
    const choice = chosen(call);
    choice.answered();
    choice.release(endings.answered, '', '');
    call.ended({ ...result, datagramsFromClient: 2, datagramsToClient: 1 });
    expect(recent.recent()[0]).to.include({
      udp: true,
      tcp: false,
      httpMethod: 'UDP',
      requestMessages: 2,
      responseMessages: 1,
    });
  });

  it('should leave an endpoint that is of no use, but only for another one', () => {
    const { rig, call } = setUp(2);
    const choice = chosen(call);
    const { endpoint } = choice;
    const other = rig.endpoints.find((one) => one !== endpoint)!;
    expect(call.shouldLeave(endpoint)).to.equal(false);
    rig.cluster.drainEndpoint(endpoint.address, true);
    expect(call.shouldLeave(endpoint)).to.equal(true);
    rig.cluster.drainEndpoint(other.address, true);
    expect(call.shouldLeave(endpoint)).to.equal(false);
    choice.release(endings.answered, '', '');
  });

  it('should leave a cluster that a reload has replaced, and stay where the listener has none', () => {
    const rig = callRig({ protocol: 'udp', others: ['replacing'] });
    let context = rig.context;
    const call = new PassthroughCall('udp', () => context, peer);
    const choice = chosen(call);
    context = { ...rig.context, passthrough: planRoute('', rig.others[0].cluster, []) };
    expect(call.shouldLeave(choice.endpoint)).to.equal(true);
    context = { ...rig.context, passthrough: null };
    expect(call.shouldLeave(choice.endpoint)).to.equal(false);
    choice.release(endings.answered, '', '');
  });
});
