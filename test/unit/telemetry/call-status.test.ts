import { expect } from 'chai';
import { grpcStatusNames } from '../../../src/core/grpc-status.ts';
import type { CallRecord } from '../../../src/telemetry/call-record.ts';
import { callIsError, callTally } from '../../../src/telemetry/call-status.ts';
import { callRecord } from './records.ts';

describe('what a call counts as', () => {
  const tally = (over: Partial<CallRecord>) => callTally(callRecord(over));
  const http = { grpc: false, grpcStatus: -1 };

  it("gRPC: an error for the statuses that are the server's by convention", () => {
    const of = (wanted: string) =>
      grpcStatusNames.filter((_, grpcStatus) => tally({ grpcStatus }) === wanted);
    expect(of('ok')).to.deep.equal(['OK']);
    expect(of('error')).to.deep.equal([
      'UNKNOWN',
      'DEADLINE_EXCEEDED',
      'UNIMPLEMENTED',
      'INTERNAL',
      'UNAVAILABLE',
      'DATA_LOSS',
    ]);
    expect(of('other')).to.have.length(grpcStatusNames.length - 7);
  });

  it('HTTP: an error from 500, and where there is no reply', () => {
    const statuses = [0, 101, 200, 304, 400, 404, 429, 499, 500, 501, 503];
    const of = (wanted: string) => statuses.filter((httpStatus) => tally({ ...http, httpStatus }) === wanted);
    expect(of('ok')).to.deep.equal([101, 200, 304]);
    expect(of('other')).to.deep.equal([400, 404, 429, 499]);
    expect(of('error')).to.deep.equal([0, 500, 501, 503]);
  });

  it('a gRPC call that got a plain HTTP error is judged by that', () => {
    expect(tally({ grpcStatus: 13, httpStatus: 431 })).to.equal('other');
    expect(tally({ grpcStatus: 12, httpStatus: 404 })).to.equal('other');
    expect(tally({ grpcStatus: 14, httpStatus: 503 })).to.equal('error');
  });

  it('what the client ended is no error: a cancel, its own deadline, a request that was refused', () => {
    for (const over of [
      { grpcStatus: 1 },
      { grpcStatus: 4, error: 'deadline_exceeded' },
      { grpcStatus: 13, error: 'protocol_error' },
      { ...http, httpStatus: 0 },
      { ...http, httpStatus: 504, error: 'deadline_exceeded' },
    ]) {
      expect(tally({ ...over, endedBy: 'client' })).to.equal('other');
      expect(callIsError(callRecord({ ...over, endedBy: 'client' }))).to.equal(false);
    }
  });
});
