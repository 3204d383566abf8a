import { expect } from 'chai';
import { withoutDebugger } from '../../../src/cli/debugger.ts';

describe('cli/debugger', () => {
  it('child processes inherit no flag that opens a debugger, and get the one that keeps SIGUSR1 from it', () => {
    const flags = [
      '--inspect',
      '--inspect-brk=127.0.0.1:9230',
      '--inspect-wait',
      '--inspect-port=1',
      '--no-warnings',
    ];
    const env = { NODE_OPTIONS: '--inspect=0 --max-old-space-size=64 --inspect-brk', OTHER: 'x' };
    expect(withoutDebugger(flags, env)).to.deep.equal({
      execArgv: ['--inspect-port=1', '--no-warnings', '--disable-sigusr1'],
      env: { NODE_OPTIONS: '--max-old-space-size=64', OTHER: 'x' },
    });
    expect(withoutDebugger(['--disable-sigusr1'], {})).to.deep.equal({
      execArgv: ['--disable-sigusr1'],
      env: {},
    });
    expect(process.allowedNodeEnvironmentFlags.has('--disable-sigusr1')).to.equal(true);
  });
});
