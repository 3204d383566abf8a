import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';

describe('a route without policies', () => {
  it('allocates the same for a call, whatever other routes have', async () => {
    const script = resolve(import.meta.dirname, 'allocation-main.ts');
    const args = ['--expose-gc', '--max-semi-space-size=256', script];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const { bare, some, bareAgain } = JSON.parse(stdout) as Record<'bare' | 'some' | 'bareAgain', number>;
    expect(bareAgain / bare, `${bareAgain} and ${bare} bytes`).to.be.below(1.05);
    expect(some / bare, 'the measure notices policies').to.be.above(1.1);
  });
});
