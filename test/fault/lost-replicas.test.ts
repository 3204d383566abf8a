import { expect } from 'chai';
import type { Recorder } from '../support/memory-pair.ts';
import { grpcFields, okTrailers, replyHead, type Served, stages, statusOf } from './stage.ts';

function reply({ stream }: Served): void {
  stream.head(replyHead, false);
  stream.trailers(okTrailers);
}

const connectTimeoutMs = 1000;

describe('replicas that cannot be reached, on virtual time', () => {
  const stage = stages();

  it('connect refused: the call goes to another endpoint, and the one who refused is left alone for a while', () => {
    const s = stage({ replicas: 2 });
    const [dead, alive] = s.replicas;
    dead.state = 'down';
    alive.onCall = reply;
    const calls: Recorder[] = [];
    for (let i = 0; i < 100; i++) {
      calls.push(s.call(true).recorder);
      s.advance(5);
    }
    expect(calls.every((call) => statusOf(call).status === '0')).to.equal(true);
    expect(alive.served).to.have.length(100);
    expect(dead.dialledMs).to.have.length(1);
  });

  it('connect refused by all: UNAVAILABLE at once, with each and why', () => {
    const s = stage({ replicas: 2 });
    for (const replica of s.replicas) replica.state = 'down';
    const { recorder } = s.call(true);
    s.advance(10);
    expect(statusOf(recorder)).to.include({ status: '14', error: 'connect_failed' });
    expect(statusOf(recorder).message).to.include('ECONNREFUSED').and.to.include('did not process');
    const { recorder: next } = s.call(true);
    s.advance(1);
    expect(statusOf(next)).to.include({ status: '14', error: 'no_healthy_endpoint' });
  });

  it('a connect that many calls waited for counts as one failure, and ejects nobody', () => {
    const s = stage({ replicas: 2, sidecar: { consecutiveErrors: 5 } });
    const [dead, alive] = s.replicas;
    dead.state = 'down';
    alive.onCall = reply;
    const calls = Array.from({ length: 40 }, () => s.call(true).recorder);
    s.advance(10);
    expect(calls.every((call) => statusOf(call).status === '0')).to.equal(true);
    const [endpoint] = s.sidecar.cluster.all();
    expect(endpoint.address).to.equal(dead.name);
    expect(endpoint.error).to.equal(1);
    expect(endpoint.outlier?.state).to.equal('in');
  });

  it('packets dropped: the connect is given up after its timeout, and the call goes to another endpoint', () => {
    const s = stage({ replicas: 2 });
    const [mute, alive] = s.replicas;
    mute.state = 'mute';
    alive.onCall = reply;
    const calls = [s.call(true).recorder, s.call(true).recorder];
    s.advance(10);
    // One of the two waits, the other is done.
    expect(calls.filter(({ ends }) => ends === 1)).to.have.length(1);
    s.advance(connectTimeoutMs);
    expect(calls.map((call) => statusOf(call).status)).to.deep.equal(['0', '0']);
    expect(s.records[1].attempts.map(({ endpoint, error }) => [endpoint, error])).to.deep.equal([
      [mute.name, 'connect_timeout'],
      [alive.name, ''],
    ]);
  });

  it('all replicas replaced at once: calls that waited for an old one go to the new', () => {
    const s = stage({ replicas: 3 });
    const { endpoints } = s;
    for (const replica of s.replicas) replica.onCall = reply;
    s.sidecar.discover(endpoints.slice(0, 2));
    s.replicas[0].state = s.replicas[1].state = 'mute';
    const calls = Array.from({ length: 4 }, () => s.call(true).recorder);
    s.advance(10);
    expect(s.sidecar.cluster.active).to.equal(4);
    s.sidecar.discover(endpoints.slice(2));
    s.advance(10);
    expect(calls.map((call) => statusOf(call).status)).to.deep.equal(['0', '0', '0', '0']);
    expect(s.replicas[2].served).to.have.length(4);
  });

  it('back-off: attempts at growing intervals with jitter, up to two minutes', () => {
    const s = stage();
    const [replica] = s.replicas;
    replica.state = 'down';
    // A call each 100 ms asks for a connection whenever one may be tried.
    for (let ms = 0; ms < 1_200_000; ms += 100) {
      s.call(true);
      s.advance(100);
    }
    const gaps = replica.dialledMs.slice(1).map((at, i) => at - replica.dialledMs[i]);
    for (const [i, gap] of gaps.entries()) {
      const base = Math.min(1000 * 1.6 ** i, 120_000);
      expect(gap, `gap ${i}`).to.be.within(base * 0.8, base * 1.2 + 200);
    }
    expect(gaps.length).to.be.within(15, 22);
  });

  it('recovery is noticed: a replica that is back has calls again as soon as its back-off is over', () => {
    const s = stage({ replicas: 2 });
    const [one, other] = s.replicas;
    for (const replica of s.replicas) replica.onCall = reply;
    s.call(true);
    s.call(true);
    s.advance(10);
    one.state = 'down';
    s.link(one.name).server.cut();
    s.advance(1);
    const calls = Array.from({ length: 20 }, () => s.call(true).recorder);
    s.advance(10);
    expect(calls.every((call) => statusOf(call).status === '0')).to.equal(true);
    const before = one.served.length;
    one.state = 'up';
    s.advance(1300);
    const later = Array.from({ length: 20 }, () => s.call(true).recorder);
    s.advance(10);
    expect(later.every((call) => statusOf(call).status === '0')).to.equal(true);
    expect(one.served.length - before).to.equal(10);
    expect(other.served.length).to.be.greaterThan(10);
  });

  it('a replica that is stopped: the deadline fires on time, the replica gets CANCEL when it goes on', () => {
    const s = stage();
    const [replica] = s.replicas;
    replica.onCall = reply;
    s.call(true);
    s.advance(10);
    const { server } = s.link(replica.name);
    server.stall(60_000);
    const { recorder } = s.call(true, [...grpcFields, ['grpc-timeout', '250m']]);
    s.advance(249);
    expect(recorder.ends).to.equal(0);
    s.advance(2);
    expect(statusOf(recorder)).to.include({ status: '4', error: 'deadline_exceeded' });
    expect(statusOf(recorder).message).to.include('may have processed');
    expect(s.sidecar.cluster.active).to.equal(0);
    replica.onCall = () => {};
    s.advance(60_000);
    expect(replica.served[1].recorder.events.at(-1)).to.equal('failed reset');
    expect(s.links(replica.name)).to.equal(1);
  });

  it('a call without a deadline waits for a stopped replica, and has its reply', () => {
    const s = stage();
    const [replica] = s.replicas;
    replica.onCall = reply;
    s.call(true);
    s.advance(10);
    s.link(replica.name).server.stall(20_000);
    const { recorder } = s.call(true);
    s.advance(19_000);
    expect(recorder.ends).to.equal(0);
    s.advance(2000);
    expect(statusOf(recorder).status).to.equal('0');
  });

  it('a deadline that passes while no connection is there says that nothing was done', () => {
    const s = stage();
    s.replicas[0].state = 'mute';
    const { recorder } = s.call(true, [...grpcFields, ['grpc-timeout', '100m']]);
    s.advance(101);
    expect(statusOf(recorder)).to.include({ status: '4', error: 'deadline_exceeded' });
    expect(statusOf(recorder).message).to.include('did not process');
  });
});
