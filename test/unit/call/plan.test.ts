import { expect } from 'chai';
import { type Abortable, CallCounter } from '../../../src/call/plan.ts';
import type { Cluster } from '../../../src/upstream/cluster.ts';
import { callRecord } from '../telemetry/records.ts';

function someCall(counter: CallCounter, abort: () => void = () => {}): Abortable {
  const call: Abortable = {
    record: callRecord(),
    counted: false,
    previousCall: null,
    nextCall: null,
    abort,
    mayReach: () => false,
  };
  counter.begin(call);
  return call;
}

describe('CallCounter', () => {
  it('counts calls in flight and calls that ended, in whatever order they end', () => {
    const counter = new CallCounter();
    const calls = Array.from({ length: 5 }, () => someCall(counter));
    for (const [i, at] of [2, 0, 4, 1, 3].entries()) {
      counter.end(calls[at]);
      expect([counter.active, counter.ended]).to.deep.equal([4 - i, i + 1]);
    }
  });

  it('ending twice is ending once', () => {
    const counter = new CallCounter();
    const [, first] = [someCall(counter), someCall(counter), someCall(counter)];
    counter.end(first);
    expect([first.previousCall, first.nextCall], 'keeps no other call alive').to.deep.equal([null, null]);
    counter.end(first);
    expect([counter.active, counter.ended]).to.deep.equal([2, 1]);
  });

  it('knows whether a call in flight may still reach a cluster', () => {
    const counter = new CallCounter();
    const [wanted, other] = [{}, {}] as Cluster[];
    const calls = [someCall(counter), someCall(counter), someCall(counter)];
    calls[1].mayReach = (cluster) => cluster === wanted;
    expect([counter.anyMayReach(wanted), counter.anyMayReach(other)]).to.deep.equal([true, false]);
    counter.end(calls[1]);
    expect(counter.anyMayReach(wanted)).to.equal(false);
  });

  it('aborts every call in flight, also those that end as they are aborted', () => {
    const counter = new CallCounter();
    const cut: number[] = [];
    const calls: Abortable[] = [];
    for (let i = 0; i < 4; i++) {
      calls.push(
        someCall(counter, () => {
          cut.push(i);
          counter.end(calls[i]);
        }),
      );
    }
    counter.end(calls[1]);
    expect(counter.abortAll()).to.equal(3);
    expect(cut.sort()).to.deep.equal([0, 2, 3]);
    expect([counter.active, counter.abortAll()]).to.deep.equal([0, 0]);
  });

  it('a call that does not end when it is aborted counts as ended all the same, once', () => {
    const counter = new CallCounter();
    const call = someCall(counter);
    expect(counter.abortAll()).to.equal(1);
    counter.end(call);
    expect([counter.active, counter.ended]).to.deep.equal([0, 1]);
  });
});
