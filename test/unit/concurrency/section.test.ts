import { expect } from 'chai';
import { configOf, minimal, problemsOf } from '../config/support.ts';

/** A file whose only cluster has these keys besides. */
const withKeys = (keys: string): string =>
  minimal().replace('endpoints: [{ address: 127.0.0.1:50051 }]', `$&\n    ${keys}`);

const problems = (keys: string): string[] =>
  problemsOf(withKeys(keys)).map((line) => line.replace(/^f\.yaml:\d+:\d+ clusters\[0\]\./, ''));

describe('concurrency/section', () => {
  it('is off unless it is written, and has defaults for all keys', () => {
    expect(configOf(minimal()).clusters[0].adaptiveConcurrency).to.equal(undefined);
    expect(configOf(withKeys('adaptiveConcurrency: {}')).clusters[0].adaptiveConcurrency).to.deep.equal({
      minLimit: 3,
      maxLimit: 1000,
      initialLimit: 100,
      tolerance: 1.5,
      probeIntervalMs: 60_000,
    });
  });

  it('rejects bounds that do not agree', () => {
    expect(problems('adaptiveConcurrency: { minLimit: 10, maxLimit: 5 }')).to.deep.equal([
      'adaptiveConcurrency.minLimit: 10 is above maxLimit; write 5 or less',
    ]);
    expect(problems('adaptiveConcurrency: { maxLimit: 50 }')).to.deep.equal([
      'adaptiveConcurrency.initialLimit: 100 is not within minLimit and maxLimit; write 3 to 50',
    ]);
    expect(problems('adaptiveConcurrency: { minLimit: 100, maxLimit: 100 }')).to.deep.equal([]);
  });

  it('is not for tcp', () => {
    expect(problems('protocol: tcp\n    adaptiveConcurrency: {}')).to.include(
      'adaptiveConcurrency: is for http2 and http1, since a tcp connection has no reply to measure; leave it out',
    );
  });
});
