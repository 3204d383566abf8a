import { expect } from 'chai';
import { reconnectMsMax, stableMs } from '../../src/xds/client/reconnect-delay.ts';
import { typeUrls } from '../../src/xds/type-urls.ts';
import { ClientRig } from '../support/xds-client-rig.ts';

/** The facts that hold for a client of aggregated discovery, in the state of the world and with delta. */
export function adsClientContract(delta: boolean): void {
  describe(delta ? 'a client of delta ADS' : 'a client of ADS in the state of the world', () => {
    let rig: ClientRig;
    const start = (): void => {
      rig.client.subscribe('cluster', 'all');
      rig.client.subscribe('endpoint', new Set(['a', 'b']));
      rig.client.start();
      rig.settleWithin(100);
    };
    const kind = (name: string) => rig.client.status.kinds.find((status) => status.kind === name);

    beforeEach(() => {
      rig = new ClientRig(delta);
    });
    afterEach(() => {
      rig.client.stop();
      expect(rig.clock.pending, 'timers left after stop').to.equal(0);
      expect(rig.stream?.closed ?? true, 'the stream is closed').to.equal(true);
    });

    it('applies what the control plane has, and acknowledges it', () => {
      rig.plane.serve('cluster', { a: 'one', b: 'two' });
      rig.plane.serve('endpoint', { a: 'ea', other: 'x' });
      start();
      expect(rig.judge.of('cluster')).to.deep.equal({ a: 'one', b: 'two' });
      expect(rig.judge.of('endpoint')).to.deep.equal({ a: 'ea' });
      expect(rig.plane.answersOf('cluster').map((answer) => answer?.reason)).to.deep.equal(['']);
      expect(kind('cluster')).to.include({ requested: 'all', resources: 2, acks: 1, nacks: 0 });
      expect(kind('endpoint')).to.deep.include({ requested: 2, resources: 1, missing: ['b'] });
      expect(rig.client.status).to.include({ connected: true, lastError: '', staleMs: 0, streamsOpened: 1 });
    });

    it('names its node in the first request of a stream alone', () => {
      start();
      const ids = rig.plane.requests.map(({ node }) => node?.text(1));
      expect(ids[0]).to.equal('test');
      expect(ids.slice(1).filter((id) => id !== undefined)).to.deep.equal([]);
    });

    it('requests clusters before endpoints, listeners and routes', () => {
      for (const name of ['route', 'listener', 'endpoint', 'cluster', 'secret'] as const)
        rig.client.subscribe(name, new Set(['a']));
      rig.client.start();
      rig.settleWithin(100);
      expect(rig.plane.requests.slice(0, 5).map(({ typeUrl }) => typeUrl)).to.deep.equal(
        (['secret', 'cluster', 'endpoint', 'listener', 'route'] as const).map((name) => typeUrls[name]),
      );
    });

    it('applies changes and removals, and hands over only what changed', () => {
      rig.plane.serve('cluster', { a: 'one', b: 'two', c: 'three' });
      start();
      rig.plane.serve('cluster', { a: 'ONE', b: null });
      rig.settle();
      expect(rig.judge.of('cluster')).to.deep.equal({ a: 'ONE', c: 'three' });
      const last = rig.judge.updates.at(-1);
      expect(last?.changed.map(({ name }) => name)).to.deep.equal(['a']);
      expect(last?.removed).to.deep.equal(['b']);
    });

    it('removes all where the control plane has nothing left', () => {
      rig.plane.serve('cluster', { a: 'one' });
      start();
      rig.plane.serve('cluster', { a: null });
      rig.settle();
      expect(rig.judge.of('cluster')).to.deep.equal({});
      expect(kind('cluster')).to.include({ resources: 0, bytes: 0, nacks: 0 });
    });

    it('applies the good resources of a response, keeps the last good version of a bad one, and says why', () => {
      rig.plane.serve('cluster', { a: 'one', b: 'two' });
      start();
      rig.plane.serve('cluster', { a: 'bad', b: 'TWO' });
      rig.settle();
      expect(rig.judge.of('cluster')).to.deep.equal({ a: 'one', b: 'TWO' });
      expect(rig.plane.answersOf('cluster').at(-1)?.reason).to.equal('cluster "a": text: is bad');
      expect(kind('cluster')).to.include({ nacks: 1, lastNack: 'cluster "a": text: is bad', resources: 2 });
      expect(kind('cluster')?.refused).to.deep.equal([
        { kind: 'cluster', name: 'a', path: 'text', message: 'is bad' },
      ]);
      rig.plane.serve('cluster', { a: 'good' });
      rig.settle();
      expect(kind('cluster')).to.deep.include({ nacks: 1, refused: [], acks: 2 });
      expect(rig.warnings.filter((line) => line.includes('refused resources'))).to.have.length(1);
    });

    it('forgets a refusal when the resource returns to its last good version', () => {
      rig.plane.serve('cluster', { a: 'one' });
      start();
      rig.plane.serve('cluster', { a: 'bad' });
      rig.settle();
      rig.plane.serve('cluster', { a: 'one' });
      rig.settle();
      expect(kind('cluster')).to.deep.include({ refused: [], acks: 2, nacks: 1 });
    });

    it('refuses a resource that cannot be decoded, and keeps all that it has', () => {
      rig.plane.serve('cluster', { a: 'one', b: 'two' });
      start();
      rig.plane.serve('cluster', { a: 'undecodable' });
      rig.settle();
      expect(rig.judge.of('cluster')).to.deep.equal({ a: 'one', b: 'two' });
      expect(kind('cluster')?.lastNack).to.contain('the bytes are not a valid text');
    });

    it('refuses the names that a response has more than once, and applies the other ones', () => {
      rig.plane.serve('cluster', { a: 'one' });
      start();
      rig.stream.toClient.push(
        rig.responseOf(typeUrls.cluster, [
          { name: 'a', version: '8', body: 'x' },
          { name: 'a', version: '9', body: 'y' },
          { name: 'b', version: '8', body: 'z' },
        ]),
      );
      rig.settle();
      expect(rig.judge.of('cluster')).to.deep.equal({ a: 'one', b: 'z' });
      expect(kind('cluster')?.lastNack).to.equal(
        'cluster "a": is in the response more than once; send it once',
      );
    });

    it('ignores types that it did not request, and shows that', () => {
      start();
      for (const typeUrl of ['type.googleapis.com/unknown.Type', typeUrls.listener])
        rig.stream.toClient.push(rig.responseOf(typeUrl, []));
      rig.settle();
      expect(rig.client.status).to.include({ ignoredResponses: 2, connected: true });
      expect(rig.client.status.lastError).to.contain(`sent the type "${typeUrls.listener}"`);
      expect(rig.warnings.filter((line) => line.includes('ignored'))).to.have.length(1);
    });

    it('ends a stream that is no message of the protocol, keeps what it has, and connects again', () => {
      rig.plane.serve('cluster', { a: 'one' });
      start();
      rig.stream.toClient.push(Buffer.from('garbage that no message is'));
      rig.settle();
      expect(rig.client.status).to.include({ connected: false });
      expect(rig.client.status.lastError).to.contain('the response is invalid');
      rig.settleWithin(reconnectMsMax);
      expect(rig.client.status.connected).to.equal(true);
      expect(rig.judge.of('cluster')).to.deep.equal({ a: 'one' });
    });

    it('resumes after a reset: nothing that it holds is sent again', () => {
      rig.plane.serve('cluster', { a: 'one' });
      rig.plane.serve('endpoint', { a: 'ea', b: 'eb' });
      start();
      const responses = rig.plane.responses.length;
      rig.stream.reset('UNAVAILABLE: reset');
      expect(rig.client.status).to.include({ connected: false, lastError: 'UNAVAILABLE: reset' });
      rig.settleWithin(reconnectMsMax);
      expect(rig.streams).to.have.length(2);
      expect(rig.plane.responses).to.have.length(responses);
      expect(rig.judge.of('cluster')).to.deep.equal({ a: 'one' });
    });

    it('gets what changed while it was disconnected, and what it lacks', () => {
      rig.plane.serve('cluster', { a: 'one', b: 'two' });
      rig.plane.serve('endpoint', { a: 'ea', b: 'eb', c: 'ec' });
      start();
      rig.stream.reset('UNAVAILABLE: reset');
      rig.plane.serve('cluster', { a: 'ONE', b: null });
      rig.client.subscribe('endpoint', new Set(['a', 'c']));
      rig.settleWithin(reconnectMsMax);
      expect(rig.judge.of('cluster')).to.deep.equal({ a: 'ONE' });
      expect(rig.judge.of('endpoint')).to.include({ a: 'ea', c: 'ec' });
    });

    it('subscribes to names as they change, and to all in place of names', () => {
      rig.plane.serve('endpoint', { a: 'ea', b: 'eb', c: 'ec' });
      start();
      rig.client.subscribe('endpoint', new Set(['b', 'c']));
      rig.settle();
      expect(rig.judge.of('endpoint')).to.include({ b: 'eb', c: 'ec' });
      expect(kind('endpoint')).to.include({ requested: 2, resources: 2 });
      rig.client.subscribe('endpoint', 'all');
      rig.settle();
      expect(kind('endpoint')).to.include({ requested: 'all', resources: 3 });
      rig.client.subscribe('endpoint', new Set());
      rig.settle();
      rig.plane.serve('endpoint', { a: 'again' });
      rig.settle();
      expect(kind('endpoint')?.resources).to.equal(0);
      expect(rig.judge.updates.flatMap(({ changed }) => changed).at(-1)?.message).to.not.deep.equal({
        text: 'again',
      });
    });

    it('may subscribe from within judge', () => {
      rig.plane.serve('cluster', { a: 'one' });
      rig.plane.serve('endpoint', { z: 'ez' });
      rig.judge.onUpdate = (update) => {
        if (update.kind === 'cluster') rig.client.subscribe('endpoint', new Set(['z']));
      };
      start();
      expect(rig.judge.of('endpoint')).to.deep.equal({ z: 'ez' });
      expect(rig.plane.responses.every(({ answer }) => answer?.reason === '')).to.equal(true);
    });

    it('may be stopped from within judge', () => {
      rig.plane.serve('cluster', { a: 'one' });
      rig.judge.onUpdate = () => rig.client.stop();
      start();
      expect(rig.client.status.connected).to.equal(false);
      expect(rig.streams).to.have.length(1);
    });

    it('refuses an update on which its judge throws, with a bug report in the log', () => {
      rig.plane.serve('cluster', { a: 'one' });
      rig.judge.onUpdate = () => {
        throw new Error('a bug');
      };
      start();
      expect(rig.plane.answersOf('cluster')[0]?.reason).to.contain('internal error');
      expect(rig.warnings.join()).to.contain('please report this bug').and.to.contain('a bug');
      expect(rig.client.status.connected).to.equal(true);
    });

    it('slows down a control plane that sends what was refused again and again', () => {
      rig.plane.serve('cluster', { a: 'bad' });
      start();
      // It insists at each NACK.
      const atMs: number[] = [];
      for (let i = 0; i < 10_000; i++) {
        rig.settle();
        const { answer } = rig.plane.responses[rig.plane.responses.length - 1];
        if (answer !== null) {
          atMs.push(rig.clock.now());
          rig.plane.serve('cluster', { a: 'bad' });
          rig.settle();
        }
        rig.clock.advance(10);
      }
      expect(atMs.length).to.be.within(10, 60);
      expect(kind('cluster')?.nacks).to.be.within(10, 60);
      expect(rig.warnings.filter((line) => line.includes('refused resources'))).to.have.length(1);
      rig.plane.serve('cluster', { a: 'good' });
      rig.settle();
      expect(rig.judge.of('cluster')).to.deep.equal({ a: 'good' });
    });

    it('reads more slowly where responses never end, and loses none of them', () => {
      start();
      for (let i = 0; i < 2_000; i++) rig.plane.serve('cluster', { a: String(i) });
      rig.settle();
      expect(rig.stream.paused).to.equal(true);
      expect(rig.judge.updates.length).to.be.below(600);
      rig.settleWithin(30_000);
      expect(rig.judge.of('cluster')).to.deep.equal({ a: '1999' });
    });

    it('waits longer and longer for a control plane that resets every second, and never forgets what it has', () => {
      rig.plane.serve('cluster', { a: 'one' });
      start();
      for (let second = 0; second < 600; second++) {
        if (rig.client.status.connected) rig.stream.reset('UNAVAILABLE: reset');
        rig.settleWithin(1000);
        expect(rig.judge.of('cluster')).to.deep.equal({ a: 'one' });
      }
      expect(rig.streams.length).to.be.within(20, 80);
    });

    it('connects soon after a stream that was up for long', () => {
      rig.reachable = false;
      start();
      rig.settleWithin(20 * reconnectMsMax);
      rig.reachable = true;
      rig.settleWithin(reconnectMsMax);
      expect(rig.client.status.connected).to.equal(true);
      rig.settleWithin(stableMs);
      rig.stream.reset('UNAVAILABLE: reset');
      rig.settleWithin(1000);
      expect(rig.client.status.connected).to.equal(true);
    });

    it('shows how stale its configuration is while there is no control plane, and logs that once', () => {
      start();
      rig.reachable = false;
      rig.stream.reset('UNAVAILABLE: reset');
      rig.settleWithin(300_000);
      const { status } = rig.client;
      expect(status).to.include({ connected: false, lastError: 'UNAVAILABLE: connection refused' });
      expect(status.staleMs).to.be.within(290_000, 310_000);
      expect(status.streamsFailed).to.be.above(5);
      const lines = rig.warnings.filter((line) => line.includes('no connection'));
      expect(lines, lines.join('\n')).to.have.length(2);
    });

    it('follows a control plane that goes back in time, and counts that', () => {
      rig.plane.serve('cluster', { a: 'one' });
      start();
      rig.plane.serve('cluster', { a: 'two' });
      rig.settle();
      rig.plane.rewind('cluster', 2, { a: 'one' });
      rig.settle();
      expect(rig.judge.of('cluster')).to.deep.equal({ a: 'one' });
      expect(rig.client.status.versionReturns).to.equal(1);
    });
  });
}
