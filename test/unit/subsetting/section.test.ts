import { expect } from 'chai';
import { configOf, minimal, problemsOf } from '../config/support.ts';

/** A file whose only cluster has these keys besides. */
const withKeys = (keys: string): string =>
  minimal().replace('endpoints: [{ address: 127.0.0.1:50051 }]', `$&\n    ${keys}`);

const problems = (keys: string): string[] =>
  problemsOf(withKeys(keys)).map((line) => line.replace(/^f\.yaml:\d+:\d+ clusters\[0\]\./, ''));

describe('subsetting/section', () => {
  it('is off unless it is written', () => {
    expect(configOf(minimal()).clusters[0].subsetting).to.equal(undefined);
    expect(configOf(withKeys('subsetting: { size: 20 }')).clusters[0].subsetting).to.deep.equal({
      size: 20,
      seed: undefined,
    });
  });

  it('requires a size of 1 or more, and a seed that is not empty', () => {
    expect(problems('subsetting: {}')).to.have.length(1);
    expect(problems('subsetting: {}')[0]).to.match(/^subsetting\.size: is missing/);
    expect(problems('subsetting: { size: 0 }')[0]).to.match(/^subsetting\.size: 0 is below 1/);
    expect(problems('subsetting: { size: 20, seed: "" }')[0]).to.match(/^subsetting\.seed: "" is empty/);
    expect(problems('subsetting: { size: 20, seed: pod-7 }')).to.deep.equal([]);
  });
});
