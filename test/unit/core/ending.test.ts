import { expect } from 'chai';
import { endingOfGrpc, endingOfHttp, endings } from '../../../src/core/ending.ts';
import { grpcStatusNames } from '../../../src/core/grpc-status.ts';

const statuses = Array.from(grpcStatusNames.keys());
const namesOf = (chosen: (status: number) => boolean) =>
  statuses.filter(chosen).map((n) => grpcStatusNames[n]);

describe('the table of endings', () => {
  it('lets nothing that the client does count against an endpoint', () => {
    for (const [name, { whose, outcome }] of Object.entries(endings)) {
      if (whose === 'client') expect(outcome, name).to.be.oneOf(['success', 'neutral']);
      if (whose === 'either') expect(outcome, name).to.equal('unclear');
      if (whose === 'endpoint') expect(outcome, name).to.equal('failure');
      if (whose === 'sidecar') expect(outcome, name).to.equal('neutral');
    }
  });

  it('counts every failure as an error, and no cancellation', () => {
    for (const [name, { outcome, tally }] of Object.entries(endings)) {
      const rejected = name === 'resetAsRejected';
      if (outcome === 'failure' || outcome === 'unclear')
        expect(tally, name).to.equal(rejected ? 'other' : 'error');
      if (outcome === 'neutral') expect(tally, name).to.equal('other');
    }
  });

  it('holds what a replica says of itself to be its own failure, and what a request may provoke to be unclear', () => {
    expect(namesOf((n) => endingOfGrpc(n).outcome === 'failure')).to.deep.equal(['UNAVAILABLE', 'DATA_LOSS']);
    expect(namesOf((n) => endingOfGrpc(n).outcome === 'unclear')).to.deep.equal([
      'DEADLINE_EXCEEDED',
      'INTERNAL',
    ]);
    const http = (outcome: string) =>
      [200, 204, 304, 400, 404, 408, 413, 431, 499, 500, 501, 502, 503, 504, 505, 507, 599].filter(
        (status) => endingOfHttp(status).outcome === outcome,
      );
    expect(http('failure')).to.deep.equal([502, 503, 504]);
    expect(http('unclear')).to.deep.equal([500, 507, 599]);
  });

  it('tallies statuses by the conventions for servers, gRPC and HTTP', () => {
    const errors = ['UNKNOWN', 'DEADLINE_EXCEEDED', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'];
    expect(namesOf((n) => endingOfGrpc(n).tally === 'error')).to.deep.equal(errors);
    expect(namesOf((n) => endingOfGrpc(n).tally === 'ok')).to.deep.equal(['OK']);
    for (let status = 200; status < 600; status++) {
      expect(endingOfHttp(status).tally === 'error', `${status}`).to.equal(status >= 500);
      expect(endingOfHttp(status).tally === 'ok', `${status}`).to.equal(status < 400);
    }
  });
});
