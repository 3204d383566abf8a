import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect } from 'chai';
import Mocha from 'mocha';
import { judgesRealTime } from '../../support/real-time.ts';

const root = resolve(import.meta.dirname, '../../..');

/** Runs one test that fails as often as `failures`, and returns how often it was run. */
async function runs(
  failures: number,
  mark: (suite: Mocha.Suite) => void,
): Promise<[runs: number, failed: number]> {
  const mocha = new Mocha({ reporter: class {} as never });
  const suite = Mocha.Suite.create(mocha.suite, 'a suite');
  mark(suite);
  let count = 0;
  suite.addTest(
    new Mocha.Test('a test', () => {
      if (++count <= failures) throw new Error('slow');
    }),
  );
  const failed = await new Promise<number>((done) => mocha.run(done));
  return [count, failed];
}

describe('tests that judge real time', () => {
  it('run a second time when they fail, and no third time', async () => {
    const mark = (suite: Mocha.Suite): void => judgesRealTime(suite, 'a reason');
    expect(await runs(1, mark)).to.deep.equal([2, 0]);
    expect(await runs(2, mark)).to.deep.equal([2, 1]);
  });

  it('are the only ones: no other test is retried, by itself or by the command that runs all', async () => {
    expect(await runs(1, () => {})).to.deep.equal([1, 1]);
    const retrying = globSync('test/**/*.ts', { cwd: root }).filter((path) =>
      /\.retries\((?!\))/.test(readFileSync(resolve(root, path), 'utf8')),
    );
    expect(retrying).to.deep.equal(['test/support/real-time.ts']);
    for (const path of ['Makefile', '.ci/run', 'package.json'])
      expect(readFileSync(resolve(root, path), 'utf8'), path).not.to.include('retries');
  });

  it('give a reason', () => {
    expect(() => judgesRealTime({} as Mocha.Suite, ' ')).to.throw('needs a reason');
  });
});
