import { expect } from 'chai';
import { startLimitedThread } from '../../../src/core/limited-thread.ts';

/** Runs a program in a thread of 16 MiB, and returns what it answered and why it ended. */
async function run(program: string): Promise<{ answers: unknown[]; reasons: string[] }> {
  const answers: unknown[] = [];
  const reasons: string[] = [];
  const entry = new URL(`data:text/javascript,${encodeURIComponent(program)}`);
  const worker = startLimitedThread(entry, 16, {
    answered: (answer) => answers.push(answer),
    failed: (reason) => reasons.push(reason),
  });
  await new Promise((ended) => worker.once('exit', ended));
  return { answers, reasons };
}

describe('core/limited-thread', () => {
  it('passes on its answers, and shows it nothing of the environment', async () => {
    const program =
      "import { parentPort } from 'node:worker_threads'; parentPort.postMessage(Object.keys(process.env));";
    expect(await run(program)).to.deep.equal({ answers: [[]], reasons: ['ended'] });
  });

  it('ends one that takes too much memory, or throws, with the reason', async () => {
    const greedy = await run('const all = []; for (;;) all.push(new Array(10_000).fill({}));');
    expect(greedy.reasons).to.deep.equal(['needed more than 16 MiB of memory', 'ended']);
    const thrown = await run(`throw new Error('x'.repeat(1000));`);
    expect(thrown.reasons[0]).to.match(/^failed: x+…?/);
    expect(thrown.reasons[0].length).to.be.at.most(220);
  });
});
