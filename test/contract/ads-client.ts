import { expect } from 'chai';
import { connectTimeoutMs } from '../../src/xds/client/ads-client.ts';
import type { KindStatus } from '../../src/xds/client/interface.ts';
import { reconnectMsMax, stableMs } from '../../src/xds/client/reconnect-delay.ts';
import type { ResourceKind } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-urls.ts';
import { ClientRig } from '../support/xds-client-rig.ts';

/** The client of one test. */
class Context {
  rig: ClientRig;

  constructor(delta: boolean) {
    this.rig = new ClientRig(delta);
  }
  start(): void {
    this.rig.client.subscribe('cluster', 'all');
    this.rig.client.subscribe('endpoint', new Set(['a', 'b']));
    this.rig.client.start();
    this.rig.settleWithin(100);
  }
  kind(name: ResourceKind): KindStatus | undefined {
    return this.rig.client.status.kinds.find(({ kind }) => kind === name);
  }
}

/** The facts that hold for a client of aggregated discovery, in the state of the world and with delta. */
export function adsClientContract(delta: boolean): void {
  describe(delta ? 'a client of delta ADS' : 'a client of ADS in the state of the world', () => {
    const at = new Context(delta);
    beforeEach(() => {
      at.rig = new ClientRig(delta);
    });
    afterEach(() => {
      at.rig.client.stop();
      expect(at.rig.clock.pending, 'timers left after stop').to.equal(0);
      expect(at.rig.stream?.closed ?? true, 'the stream is closed').to.equal(true);
    });
    describeUpdates(at);
    describeBadInput(at);
    describeStreams(at);
    describeSubscriptions(at);
    describeProtection(at);
  });
}

function describeUpdates(at: Context): void {
  it('applies what the control plane has, and acknowledges it', () => {
    at.rig.plane.serve('cluster', { a: 'one', b: 'two' });
    at.rig.plane.serve('endpoint', { a: 'ea', other: 'x' });
    at.start();
    expect(at.rig.judge.of('cluster')).to.deep.equal({ a: 'one', b: 'two' });
    expect(at.rig.judge.of('endpoint')).to.deep.equal({ a: 'ea' });
    expect(at.rig.plane.answersOf('cluster').map((answer) => answer?.reason)).to.deep.equal(['']);
    expect(at.kind('cluster')).to.include({ requested: 'all', resources: 2, bytes: 16, acks: 1, nacks: 0 });
    expect(at.kind('cluster')?.lastAckAtMs)
      .to.equal(at.kind('cluster')?.lastResponseAtMs)
      .and.not.equal(null);
    expect(at.kind('endpoint')).to.deep.include({ requested: 2, resources: 1, missing: ['b'] });
    expect(at.rig.client.status).to.include({ connected: true, lastError: '', staleMs: 0, streamsOpened: 1 });
  });

  it('names its node in the first request of a stream alone', () => {
    at.start();
    const ids = at.rig.plane.requests.map(({ node }) => node?.text(1));
    expect(ids[0]).to.equal('test');
    expect(ids.slice(1).filter((id) => id !== undefined)).to.deep.equal([]);
  });

  it('requests clusters before endpoints, listeners and routes', () => {
    for (const name of ['route', 'listener', 'endpoint', 'cluster', 'secret'] as const)
      at.rig.client.subscribe(name, new Set(['a']));
    at.rig.client.start();
    at.rig.settleWithin(100);
    expect(at.rig.plane.requests.slice(0, 5).map(({ typeUrl }) => typeUrl)).to.deep.equal(
      (['secret', 'cluster', 'endpoint', 'listener', 'route'] as const).map((name) => typeUrls[name]),
    );
  });

  it('applies changes and removals, and hands over only what changed', () => {
    at.rig.plane.serve('cluster', { a: 'one', b: 'two', c: 'three' });
    at.start();
    at.rig.plane.serve('cluster', { a: 'ONE', b: null });
    at.rig.settle();
    expect(at.rig.judge.of('cluster')).to.deep.equal({ a: 'ONE', c: 'three' });
    const last = at.rig.judge.updates.at(-1);
    expect(last?.changed.map(({ name }) => name)).to.deep.equal(['a']);
    expect(last?.removed).to.deep.equal(['b']);
  });

  it('removes all where the control plane has nothing left', () => {
    at.rig.plane.serve('cluster', { a: 'one' });
    at.start();
    at.rig.plane.serve('cluster', { a: null });
    at.rig.settle();
    expect(at.rig.judge.of('cluster')).to.deep.equal({});
    expect(at.kind('cluster')).to.include({ resources: 0, bytes: 0, nacks: 0 });
  });

  it('applies the good resources of a response, keeps the last good version of a bad one, and says why', () => {
    at.rig.plane.serve('cluster', { a: 'one', b: 'two' });
    at.start();
    at.rig.plane.serve('cluster', { a: 'bad', b: 'TWO' });
    at.rig.settle();
    expect(at.rig.judge.of('cluster')).to.deep.equal({ a: 'one', b: 'TWO' });
    expect(at.rig.plane.answersOf('cluster').at(-1)?.reason).to.equal('cluster "a": text: is bad');
    expect(at.kind('cluster')).to.include({ nacks: 1, lastNack: 'cluster "a": text: is bad', resources: 2 });
    expect(at.kind('cluster')?.refused).to.deep.equal([
      { kind: 'cluster', name: 'a', path: 'text', message: 'is bad' },
    ]);
    at.rig.plane.serve('cluster', { a: 'good' });
    at.rig.settle();
    expect(at.kind('cluster')).to.deep.include({ nacks: 1, refused: [], acks: 2 });
    expect(at.rig.warnings.filter((line) => line.includes('refused resources'))).to.have.length(1);
  });

  it('forgets a refusal when the resource returns to its last good version', () => {
    at.rig.plane.serve('cluster', { a: 'one' });
    at.start();
    at.rig.plane.serve('cluster', { a: 'bad' });
    at.rig.settle();
    at.rig.plane.serve('cluster', { a: 'one' });
    at.rig.settle();
    expect(at.kind('cluster')).to.deep.include({ refused: [], acks: 2, nacks: 1 });
  });

  it('refuses a resource that cannot be decoded, and keeps all that it has', () => {
    at.rig.plane.serve('cluster', { a: 'one', b: 'two' });
    at.start();
    at.rig.plane.serve('cluster', { a: 'undecodable' });
    at.rig.settle();
    expect(at.rig.judge.of('cluster')).to.deep.equal({ a: 'one', b: 'two' });
    expect(at.kind('cluster')?.lastNack).to.contain('the bytes are not a valid text');
  });
}

function describeBadInput(at: Context): void {
  it('refuses the names that a response has more than once, and applies the other ones', () => {
    at.rig.plane.serve('cluster', { a: 'one' });
    at.start();
    at.rig.stream.toClient.push(
      at.rig.responseOf(typeUrls.cluster, [
        { name: 'a', version: '8', body: 'x' },
        { name: 'a', version: '9', body: 'y' },
        { name: 'b', version: '8', body: 'z' },
      ]),
    );
    at.rig.settle();
    expect(at.rig.judge.of('cluster')).to.deep.equal({ a: 'one', b: 'z' });
    expect(at.kind('cluster')?.lastNack).to.equal(
      'cluster "a": is in the response more than once; send it once',
    );
  });

  it('ignores types that it did not request, and shows that', () => {
    at.start();
    for (const typeUrl of ['type.googleapis.com/unknown.Type', typeUrls.listener])
      at.rig.stream.toClient.push(at.rig.responseOf(typeUrl, []));
    at.rig.settle();
    expect(at.rig.client.status).to.include({ ignoredResponses: 2, connected: true });
    expect(at.rig.client.status.lastError).to.contain(`sent the type "${typeUrls.listener}"`);
    expect(at.rig.warnings.filter((line) => line.includes('ignored'))).to.have.length(1);
  });

  it('ends a stream that is no message of the protocol, keeps what it has, and connects again', () => {
    at.rig.plane.serve('cluster', { a: 'one' });
    at.start();
    at.rig.stream.toClient.push(Buffer.from('garbage that no message is'));
    at.rig.settle();
    expect(at.rig.client.status).to.include({ connected: false });
    expect(at.rig.client.status.lastError).to.contain('the response is invalid');
    at.rig.settleWithin(reconnectMsMax);
    expect(at.rig.client.status.connected).to.equal(true);
    expect(at.rig.judge.of('cluster')).to.deep.equal({ a: 'one' });
  });
}

function describeStreams(at: Context): void {
  it('resumes after a reset: nothing that it holds is sent again', () => {
    at.rig.plane.serve('cluster', { a: 'one' });
    at.rig.plane.serve('endpoint', { a: 'ea', b: 'eb' });
    at.start();
    const responses = at.rig.plane.responses.length;
    at.rig.stream.reset('UNAVAILABLE: reset');
    expect(at.rig.client.status).to.include({ connected: false, lastError: 'UNAVAILABLE: reset' });
    at.rig.settleWithin(reconnectMsMax);
    expect(at.rig.streams).to.have.length(2);
    expect(at.rig.plane.responses).to.have.length(responses);
    expect(at.rig.judge.of('cluster')).to.deep.equal({ a: 'one' });
  });

  it('gets what changed while it was disconnected, and what it lacks', () => {
    at.rig.plane.serve('cluster', { a: 'one', b: 'two' });
    at.rig.plane.serve('endpoint', { a: 'ea', b: 'eb', c: 'ec' });
    at.start();
    at.rig.stream.reset('UNAVAILABLE: reset');
    at.rig.plane.serve('cluster', { a: 'ONE', b: null });
    at.rig.client.subscribe('endpoint', new Set(['a', 'c']));
    at.rig.settleWithin(reconnectMsMax);
    expect(at.rig.judge.of('cluster')).to.deep.equal({ a: 'ONE' });
    expect(at.rig.judge.of('endpoint')).to.include({ a: 'ea', c: 'ec' });
  });

  it('waits longer and longer for a control plane that resets every second, and never forgets what it has', () => {
    at.rig.plane.serve('cluster', { a: 'one' });
    at.start();
    for (let second = 0; second < 600; second++) {
      if (at.rig.client.status.connected) at.rig.stream.reset('UNAVAILABLE: reset');
      at.rig.settleWithin(1000);
      expect(at.rig.judge.of('cluster')).to.deep.equal({ a: 'one' });
    }
    expect(at.rig.streams.length).to.be.within(20, 80);
  });

  it('connects soon after a stream that was up for long', () => {
    at.rig.reachable = false;
    at.start();
    at.rig.settleWithin(20 * reconnectMsMax);
    at.rig.reachable = true;
    at.rig.settleWithin(reconnectMsMax);
    expect(at.rig.client.status.connected).to.equal(true);
    at.rig.settleWithin(stableMs);
    at.rig.stream.reset('UNAVAILABLE: reset');
    at.rig.settleWithin(1000);
    expect(at.rig.client.status.connected).to.equal(true);
  });

  it('gives up a connection that neither opens nor fails, and tries another one', () => {
    at.rig.reachable = 'never';
    at.start();
    at.rig.settleWithin(connectTimeoutMs);
    expect(at.rig.client.status.lastError).to.equal('the control plane did not answer within 20 s');
    at.rig.reachable = true;
    at.rig.settleWithin(1000);
    expect(at.rig.client.status).to.include({ connected: true, streamsFailed: 1 });
  });

  it('is as stale as the time since it was stopped', () => {
    at.start();
    at.rig.settleWithin(5000);
    at.rig.client.stop();
    at.rig.clock.advance(1000);
    expect(at.rig.client.status).to.include({ connected: false, staleMs: 1000 });
  });

  it('shows how stale its configuration is while there is no control plane, and logs that once', () => {
    at.start();
    at.rig.reachable = false;
    at.rig.stream.reset('UNAVAILABLE: reset');
    at.rig.settleWithin(300_000);
    const { status } = at.rig.client;
    expect(status).to.include({ connected: false, lastError: 'UNAVAILABLE: connection refused' });
    expect(status.staleMs).to.be.within(290_000, 310_000);
    expect(status.streamsFailed).to.be.above(5);
    const lines = at.rig.warnings.filter((line) => line.includes('no connection'));
    expect(lines, lines.join('\n')).to.have.length(2);
  });

  it('follows a control plane that goes back in time, and counts that', () => {
    at.rig.plane.serve('cluster', { a: 'one' });
    at.start();
    at.rig.plane.serve('cluster', { a: 'two' });
    at.rig.settle();
    at.rig.plane.rewind('cluster', 2, { a: 'one' });
    at.rig.settle();
    expect(at.rig.judge.of('cluster')).to.deep.equal({ a: 'one' });
    expect(at.rig.client.status.versionReturns).to.equal(1);
  });
}

function describeSubscriptions(at: Context): void {
  it('subscribes to names as they change, and to all in place of names', () => {
    at.rig.plane.serve('endpoint', { a: 'ea', b: 'eb', c: 'ec' });
    at.start();
    at.rig.client.subscribe('endpoint', new Set(['b', 'c']));
    at.rig.settle();
    expect(at.rig.judge.of('endpoint')).to.include({ b: 'eb', c: 'ec' });
    expect(at.kind('endpoint')).to.include({ requested: 2, resources: 2 });
    at.rig.client.subscribe('endpoint', 'all');
    at.rig.settleWithin(100);
    expect(at.kind('endpoint')).to.include({ requested: 'all', resources: 3 });
    at.rig.client.subscribe('endpoint', new Set());
    at.rig.settleWithin(100);
    at.rig.plane.serve('endpoint', { a: 'again' });
    at.rig.settle();
    expect(at.kind('endpoint')?.resources).to.equal(0);
    expect(at.rig.judge.updates.flatMap(({ changed }) => changed).at(-1)?.message).to.not.deep.equal({
      text: 'again',
    });
  });

  it('requests nothing where a subscription does not change', () => {
    at.start();
    const requests = at.rig.plane.requests.length;
    at.rig.client.subscribe('cluster', 'all');
    at.rig.client.subscribe('endpoint', new Set(['b', 'a']));
    at.rig.settle();
    expect(at.rig.plane.requests).to.have.length(requests);
    expect(at.rig.streams).to.have.length(1);
  });

  it('requests what is new in each of several changes', () => {
    at.start();
    for (const names of [
      ['b', 'c'],
      ['c', 'd'],
      ['d', 'a'],
    ]) {
      at.rig.client.subscribe('endpoint', new Set(names));
      at.rig.settle();
    }
    const { names, unsubscribe } = at.rig.plane.requests[at.rig.plane.requests.length - 1];
    expect(names).to.deep.equal(at.rig.plane.delta ? ['a'] : ['d', 'a']);
    expect(unsubscribe).to.deep.equal(at.rig.plane.delta ? ['c'] : []);
  });

  it('acknowledges a response that was under way when its last name was given up, and judges it no more', () => {
    at.start();
    at.rig.plane.serve('endpoint', { a: 'ea' });
    at.rig.client.subscribe('endpoint', new Set());
    const updates = at.rig.judge.updates.length;
    at.rig.settle();
    expect(at.rig.judge.updates).to.have.length(updates);
    expect(at.rig.plane.answersOf('endpoint').at(-1)?.reason).to.equal('');
  });

  it('may subscribe from within judge', () => {
    at.rig.plane.serve('cluster', { a: 'one' });
    at.rig.plane.serve('endpoint', { z: 'ez' });
    at.rig.judge.onUpdate = (update) => {
      if (update.kind === 'cluster') at.rig.client.subscribe('endpoint', new Set(['z']));
    };
    at.start();
    expect(at.rig.judge.of('endpoint')).to.deep.equal({ z: 'ez' });
    expect(at.rig.plane.responses.every(({ answer }) => answer?.reason === '')).to.equal(true);
  });

  it('may be stopped from within judge', () => {
    at.rig.plane.serve('cluster', { a: 'one' });
    at.rig.judge.onUpdate = () => at.rig.client.stop();
    at.start();
    expect(at.rig.client.status.connected).to.equal(false);
    expect(at.rig.streams).to.have.length(1);
  });
}

function describeProtection(at: Context): void {
  it('refuses an update on which its judge throws, with a bug report in the log', () => {
    at.rig.plane.serve('cluster', { a: 'one' });
    at.rig.judge.onUpdate = () => {
      throw new Error('a bug');
    };
    at.start();
    expect(at.rig.plane.answersOf('cluster')[0]?.reason).to.contain('internal error');
    expect(at.rig.warnings.join()).to.contain('please report this bug').and.to.contain('a bug');
    expect(at.rig.client.status.connected).to.equal(true);
  });

  it('slows down a control plane that sends what was refused again and again', () => {
    at.rig.plane.serve('cluster', { a: 'bad' });
    at.start();
    // It insists at each NACK.
    const atMs: number[] = [];
    for (let i = 0; i < 10_000; i++) {
      at.rig.settle();
      const { answer } = at.rig.plane.responses[at.rig.plane.responses.length - 1];
      if (answer !== null) {
        atMs.push(at.rig.clock.now());
        at.rig.plane.serve('cluster', { a: 'bad' });
        at.rig.settle();
      }
      at.rig.clock.advance(10);
    }
    expect(atMs.length).to.be.within(10, 60);
    expect(at.kind('cluster')?.nacks).to.be.within(10, 60);
    expect(at.rig.warnings.filter((line) => line.includes('refused resources'))).to.have.length(1);
    at.rig.plane.serve('cluster', { a: 'good' });
    at.rig.settle();
    expect(at.rig.judge.of('cluster')).to.deep.equal({ a: 'good' });
  });

  it('accepts a good response at once while the answer to a bad one waits', () => {
    at.rig.plane.serve('cluster', { a: 'bad' });
    at.start();
    for (let i = 0; i < 8; i++) {
      at.rig.plane.serve('cluster', { a: 'bad' });
      at.rig.settle();
    }
    const waiting = at.rig.plane.answersOf('cluster').filter((answer) => answer === null);
    expect(waiting, 'answers that wait').to.not.deep.equal([]);
    at.rig.plane.serve('cluster', { a: 'good' });
    at.rig.settle();
    expect(at.rig.plane.answersOf('cluster').at(-1)?.reason).to.equal('');
    const requests = at.rig.plane.requests.length;
    at.rig.settleWithin(60_000);
    expect(at.rig.plane.requests).to.have.length(requests);
  });

  it('reads more slowly where responses never end, and loses none of them', () => {
    at.start();
    for (let i = 0; i < 2_000; i++) at.rig.plane.serve('cluster', { a: String(i) });
    at.rig.settle();
    expect(at.rig.stream.paused).to.equal(true);
    expect(at.rig.judge.updates.length).to.be.below(600);
    at.rig.settleWithin(30_000);
    expect(at.rig.judge.of('cluster')).to.deep.equal({ a: '1999' });
  });
}
