import { expect } from 'chai';
import {
  clientErrorCallsMax,
  createRecentCalls,
  failedCallsMax,
  recentCallsMax,
  shownCallsMax,
  slowCallsMax,
} from '../../../src/telemetry/recent-calls.ts';
import { callRecord } from './records.ts';

const ids = (records: ReadonlyArray<{ id: number }>): number[] => records.map(({ id }) => id);

describe('telemetry/recent-calls', () => {
  it('keeps the last calls, newest first', () => {
    const calls = createRecentCalls();
    expect(calls.recent()).to.deep.equal([]);
    for (let id = 1; id <= 3; id++) calls.add(callRecord({ id }));
    expect(ids(calls.recent())).to.deep.equal([3, 2, 1]);
    for (let id = 4; id <= recentCallsMax + 10; id++) calls.add(callRecord({ id }));
    const kept = ids(calls.recent());
    expect(kept).to.have.lengthOf(recentCallsMax);
    expect([kept[0], kept.at(-1)]).to.deep.equal([recentCallsMax + 10, 11]);
  });

  it('remembers failed calls longer, and finds them', () => {
    const calls = createRecentCalls();
    calls.add(callRecord({ id: 1, grpcStatus: 14 }));
    calls.add(callRecord({ id: 2, grpc: false, grpcStatus: -1, httpStatus: 404 }));
    for (let id = 10; id < 1000; id++) calls.add(callRecord({ id }));
    expect(ids(calls.failed())).to.deep.equal([1]);
    expect(ids(calls.clientErrors())).to.deep.equal([2]);
    expect(calls.find(2)?.httpStatus).to.equal(404);
    expect(calls.find(1)?.grpcStatus).to.equal(14);
    expect(calls.find(11)).to.equal(undefined);
    for (let id = 1000; id < 1300; id++) calls.add(callRecord({ id, grpcStatus: 13 }));
    expect(calls.failed()).to.have.lengthOf(failedCallsMax);
    for (let id = 2000; id < 2300; id++) calls.add(callRecord({ id, grpcStatus: 5 }));
    expect(calls.clientErrors()).to.have.lengthOf(clientErrorCallsMax);
    expect(ids(calls.failed())[0], 'they push out no error').to.equal(1299);
  });

  it('calls slow what took longer than 99% of the last minute', () => {
    const calls = createRecentCalls();
    for (let id = 1; id <= 500; id++) calls.add(callRecord({ id, endedMs: 1010 }));
    calls.add(callRecord({ id: 501, endedMs: 1200 }));
    calls.add(callRecord({ id: 502, endedMs: 1200, grpcStatus: 4 }));
    expect(ids(calls.slow())).to.deep.equal([501]);
    for (let id = 503; id < 1000; id++) calls.add(callRecord({ id, endedMs: 1010 }));
    expect(calls.find(501)?.id).to.equal(501);
    expect(calls.slow().length).to.be.at.most(slowCallsMax);
  });

  it('never takes a stream for slow', () => {
    const calls = createRecentCalls();
    for (let id = 1; id <= 500; id++) calls.add(callRecord({ id, endedMs: 1010 }));
    calls.add(callRecord({ id: 501, endedMs: 900_000, responseMessages: 7 }));
    expect(calls.slow()).to.deep.equal([]);
  });

  it('keeps what was shown beyond the lists, the last of them, and as long as it is shown again', () => {
    const calls = createRecentCalls();
    const one = callRecord({ id: 1 });
    calls.shown([one]);
    for (let id = 10; id < 10 + shownCallsMax - 1; id++) calls.shown([callRecord({ id })]);
    expect(calls.find(1)).to.equal(one);
    calls.shown([one]);
    calls.shown([callRecord({ id: 5000 })]);
    expect([calls.find(1)?.id, calls.find(10), calls.find(11)?.id]).to.deep.equal([1, undefined, 11]);
    for (let id = 6000; id < 6000 + shownCallsMax; id++) calls.shown([callRecord({ id })]);
    expect(calls.find(1)).to.equal(undefined);
  });

  it('remembers TCP connections, and takes none for slow', () => {
    const calls = createRecentCalls();
    for (let id = 1; id <= 500; id++) calls.add(callRecord({ id, endedMs: 1010 }));
    const tcp = { tcp: true, grpc: false, grpcStatus: -1, httpStatus: 0, requestMessages: 0 };
    calls.add(callRecord({ ...tcp, id: 501, endedMs: 90_000 }));
    calls.add(callRecord({ ...tcp, id: 502, endedMs: 90_000, error: 'connect_failed' }));
    expect([calls.slow(), ids(calls.failed()), ids(calls.recent()).slice(0, 2)]).to.deep.equal([
      [],
      [502],
      [502, 501],
    ]);
  });
});
