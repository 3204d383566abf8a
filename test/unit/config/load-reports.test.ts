import { expect } from 'chai';
import { configOf, minimal, problemsOf } from './support.ts';

/** A file whose only cluster has these keys besides. */
const withKeys = (keys: string): string =>
  minimal().replace('endpoints: [{ address: 127.0.0.1:50051 }]', `$&\n    ${keys}`);

const problems = (keys: string): string[] =>
  problemsOf(withKeys(keys)).map((line) => line.replace(/^f\.yaml:\d+:\d+ clusters\[0\]\./, ''));

describe('loadReports of a cluster', () => {
  it('asks for no stream unless that is written, and then every ten seconds', () => {
    expect(configOf(minimal()).clusters[0].loadReports.outOfBand).to.equal(undefined);
    expect(
      configOf(withKeys('loadReports: { outOfBand: {} }')).clusters[0].loadReports.outOfBand,
    ).to.deep.equal({
      periodMs: 10_000,
    });
  });

  it('is not refused where zoneSpill goes by it', () => {
    expect(problems('balancer: { zoneSpill: true }')).to.deep.equal([]);
    expect(problems('balancer: { zoneSpill: true }\n    loadReports: { accept: false }')).to.deep.equal([
      'balancer.zoneSpill: requires load reports, and loadReports.accept is false; leave one of them out',
    ]);
    expect(problems('balancer: { zoneSpill: true, preferZone: false }')).to.deep.equal([
      'balancer.zoneSpill: is for preferZone: true, and preferZone is false; leave one of them out',
    ]);
  });

  it('has no stream with endpoints that have no gRPC service, nor one that would be ignored', () => {
    expect(problems('protocol: http1\n    loadReports: { outOfBand: {} }')).to.deep.equal([
      'loadReports.outOfBand: is for http2, since http1 endpoints have no gRPC service that reports load; leave it out',
    ]);
    expect(problems('loadReports: { accept: false, outOfBand: {} }')).to.deep.equal([
      'loadReports.outOfBand: requests load reports that accept: false ignores; leave one of them out',
    ]);
  });
});
