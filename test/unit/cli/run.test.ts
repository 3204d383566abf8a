import { expect } from 'chai';
import { run } from '../../../src/cli/run.ts';
import { until } from '../../support/until.ts';

describe('cli/run', () => {
  it('lives on after an exception that nobody caught, and reports it', async () => {
    let said = '';
    let terminate: () => void = () => {};
    let tell: (error: unknown) => void = () => {};
    const write = (text: string): boolean => {
      said += text;
      return true;
    };
    const flags = {
      from: '127.0.0.1:0',
      to: ['127.0.0.1:1'],
      settings: { admin: '127.0.0.1:0', 'drain-delay': '0s' },
    };
    const code = run(
      flags,
      { stdout: { write }, stderr: { write } },
      {},
      {
        onTerminate: (stop) => {
          terminate = stop;
        },
        onTerminateAgain() {},
        onHangup() {},
        onReopenLogs() {},
        onWarning() {},
        onUncaught: (hear) => {
          tell = hear;
        },
      },
    );
    await until(
      () => said.includes('admin page url='),
      () => said,
    );
    const [, url] = /admin page url=(\S+)/.exec(said)!;
    tell(new Error('of a timer'));
    expect(said).to.match(/internal error.*seam=elsewhere stack="Error: of a timer\\n/);
    const metrics = await (await fetch(`${url}metrics`)).text();
    expect(metrics).to.include('outrigger_internal_errors_total{outrigger_seam="elsewhere"} 1\n');
    terminate();
    expect(await code).to.equal(0);
  });
});
