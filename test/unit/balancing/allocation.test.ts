import { execFile } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';

const here = import.meta.dirname;
const mocha = resolve(dirname(fileURLToPath(import.meta.resolve('mocha/package.json'))), 'bin/mocha.js');
/** Those that put the contract of all policies to the test. */
const files = ['build', 'spread', 'sticky'].map((name) => resolve(here, `${name}.test.ts`));

describe('a pick', function () {
  this.timeout(120_000);

  it('allocates nothing, whatever the policy', async () => {
    const args = [mocha, '--reporter', 'json', '--grep', 'allocates nothing per pick', ...files];
    const env = { ...process.env, JUDGE_ALLOCATION: 'true' };
    const run = await promisify(execFile)(process.execPath, args, {
      cwd: resolve(here, '../../..'),
      env,
      maxBuffer: 1 << 26,
    }).catch((error: { stdout: string }) => error);
    const { stats, failures } = JSON.parse(run.stdout.slice(run.stdout.indexOf('{'))) as MochaReport;
    expect(failures.map(({ fullTitle, err }) => `${fullTitle}: ${err.message}`)).to.deep.equal([]);
    expect(stats.passes).to.be.above(20);
  });
});

interface MochaReport {
  readonly stats: { readonly passes: number };
  readonly failures: ReadonlyArray<{
    readonly fullTitle: string;
    readonly err: { readonly message: string };
  }>;
}
