import { expect } from 'chai';
import { ErrorCode } from '../../src/core/error-code.ts';
import { SettingId } from '../../src/http2/settings.ts';
import type { Recorder } from '../support/memory-pair.ts';
import { okTrailers, replyHead, type Served, type Stage, stages, statusOf } from './stage.ts';

function reply({ stream }: Served): void {
  stream.head(replyHead, false);
  stream.trailers(okTrailers);
}

/** Answers after so long, as work does. */
function replyAfter(s: Stage, ms: number): (call: Served) => void {
  return (call) => s.clock.at(ms, () => reply(call));
}

const statuses = (calls: readonly Recorder[]): string[] => calls.map((call) => statusOf(call).status);
const allOk = (calls: readonly Recorder[]): string[] => calls.map(() => '0');

describe('streams that a replica does not take', () => {
  const stage = stages();

  it('MAX_CONCURRENT_STREAMS lowered: open streams live, new ones go to another endpoint', () => {
    const s = stage();
    const [replica] = s.replicas;
    const first = Array.from({ length: 10 }, () => s.call(true).recorder);
    s.advance(10);
    expect(s.links(replica.name)).to.equal(1);
    replica.bindings[0].connection.writer.settings([[SettingId.MAX_CONCURRENT_STREAMS, 3]]);
    s.advance(10);
    const more = Array.from({ length: 10 }, () => s.call(true).recorder);
    s.advance(10);
    // The ten that are there stay; the ten that come after have connections of their own.
    expect(replica.served).to.have.length(20);
    expect(
      replica.served.slice(10).every(({ connection }) => connection !== replica.served[0].connection),
    ).to.equal(true);
    for (const call of replica.served) reply(call);
    s.advance(10);
    expect(statuses([...first, ...more])).to.deep.equal(allOk([...first, ...more]));
    // Below the new limit it is used again.
    const last = s.call(true).recorder;
    s.advance(10);
    expect(replica.served[20].connection).to.equal(replica.served[0].connection);
    reply(replica.served[20]);
    s.advance(10);
    expect(statusOf(last).status).to.equal('0');
  });

  it('lowered while calls are on their way: what is refused goes to another replica', () => {
    const s = stage({ replicas: 2 });
    const [strict, other] = s.replicas;
    strict.onCall = ({ stream, connection }) => {
      if (connection.active > 3) stream.reset(ErrorCode.REFUSED_STREAM);
      else s.clock.at(20, () => reply({ stream } as Served));
    };
    other.onCall = replyAfter(s, 20);
    const warm = [s.call(true).recorder, s.call(true).recorder];
    s.advance(50);
    const calls = Array.from({ length: 40 }, () => s.call(true).recorder);
    s.advance(100);
    expect(statuses([...warm, ...calls])).to.deep.equal(allOk([...warm, ...calls]));
    expect(s.records.some(({ attempts }) => attempts.length === 2)).to.equal(true);
  });

  it('GOAWAY(2^31-1), then GOAWAY(n): ids up to n finish, later calls go to another endpoint', () => {
    const s = stage({ replicas: 2 });
    for (const replica of s.replicas) replica.onCall = replyAfter(s, 30);
    const before = Array.from({ length: 10 }, () => s.call(true).recorder);
    s.advance(10);
    const [leaving, staying] = s.replicas;
    const [{ connection }] = leaving.bindings;
    connection.announceShutdown();
    s.advance(10);
    const between = Array.from({ length: 10 }, () => s.call(true).recorder);
    connection.shutdown();
    s.advance(100);
    const after = Array.from({ length: 10 }, () => s.call(true).recorder);
    s.advance(100);
    const all = [...before, ...between, ...after];
    expect(statuses(all)).to.deep.equal(allOk(all));
    // Nothing was done twice, and the connection that was left is gone.
    expect(leaving.served.length + staying.served.length).to.equal(30);
    expect(connection.over).to.equal(true);
  });

  it('GOAWAY(n) at once, in the middle of a burst: no call fails and none is done twice', () => {
    for (let afterMs = 0; afterMs < 2; afterMs += 0.1) {
      const s = stage({ replicas: 3 });
      for (const replica of s.replicas) replica.onCall = replyAfter(s, 1);
      const calls: Recorder[] = [];
      for (let i = 0; i < 60; i++) {
        s.clock.at(i * 0.05, () => {
          const { stream, recorder } = s.call(false);
          stream.data(Buffer.alloc(2000), 0, 2000, true);
          calls.push(recorder);
        });
      }
      // On its way while calls are on theirs to where it comes from.
      s.clock.at(afterMs, () => s.replicas[0].bindings[0]?.connection.shutdown());
      s.advance(100);
      expect(statuses(calls), `GOAWAY after ${afterMs} ms`).to.deep.equal(allOk(calls));
      const served = s.replicas.map((replica) => replica.served.length);
      expect(served.reduce((sum, count) => sum + count)).to.equal(60);
    }
  });

  it('GOAWAY pairs under load, of every replica in turn and over and over: no call fails', () => {
    const s = stage({ replicas: 3 });
    for (const replica of s.replicas) replica.onCall = replyAfter(s, 3);
    const calls: Recorder[] = [];
    for (let i = 0; i < 3000; i++) s.clock.at(i * 0.3, () => calls.push(s.call(true).recorder));
    for (let round = 0; round < 18; round++) {
      const replica = s.replicas[round % 3];
      s.clock.at(20 + round * 45, () => {
        for (const { connection } of [...replica.bindings]) {
          connection.announceShutdown();
          s.clock.at(5, () => connection.shutdown());
        }
      });
    }
    s.advance(2000);
    expect(calls).to.have.length(3000);
    expect(statuses(calls)).to.deep.equal(allOk(calls));
    expect(s.replicas.reduce((sum, { served }) => sum + served.length, 0)).to.equal(3000);
  });

  it('a GOAWAY with an error refuses what it has not begun, and says so where nobody else is left', () => {
    const s = stage();
    const [replica] = s.replicas;
    replica.onCall = ({ connection }) => {
      if (replica.served.length > 1) connection.fail(ErrorCode.ENHANCE_YOUR_CALM, 'enough');
    };
    const first = s.call(true).recorder;
    s.advance(10);
    const second = s.call(true).recorder;
    s.advance(10);
    for (const recorder of [first, second]) {
      expect(statusOf(recorder)).to.include({ status: '14', error: 'upstream_closed' });
      expect(statusOf(recorder).message).to.include('may have processed');
    }
  });
});
