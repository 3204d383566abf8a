import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { systemClock, VirtualClock } from '../../../src/core/clock.ts';
import type { CallJob } from '../../../src/replica-call/jobs.ts';
import { jobExtraMs, jobsMax } from '../../../src/replica-call/limits.ts';
import { ReplicaCalls } from '../../../src/replica-call/replica-calls.ts';
import { until } from '../../support/until.ts';

describe('replica-call/replica-calls', () => {
  /** Takes connections, and never answers. */
  let silent: Server;
  let sockets: Socket[];
  let job: CallJob;
  beforeEach(async () => {
    sockets = [];
    silent = createServer((socket) => sockets.push(socket.on('error', () => {})));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    job = {
      kind: 'call',
      target: `127.0.0.1:${(silent.address() as AddressInfo).port}`,
      version: 'test',
      headers: [],
      method: 'a.B/C',
      data: '',
      timeoutMs: 1_000,
      traceId: '0'.repeat(31).concat('1'),
    };
  });
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  it('ends all calls when it closes, and starts again afterwards', async () => {
    const calls = new ReplicaCalls(systemClock);
    for (let round = 0; round < 2; round++) {
      const connected = sockets.length;
      const running = Array.from({ length: jobsMax }, () => calls.call(job));
      expect(calls.isFull).to.equal(true);
      await until(
        () => sockets.length > connected,
        () => 'nobody connects',
      );
      calls.close();
      expect(calls.isFull).to.equal(false);
      for (const { error } of await Promise.all(running))
        expect(error).to.equal('the thread that makes the calls was ended: the sidecar stops');
    }
  });

  it('ends the thread where a call takes longer than its deadline and what comes before it', async () => {
    const clock = new VirtualClock();
    const calls = new ReplicaCalls(clock);
    const running = calls.call(job);
    clock.advance(job.timeoutMs + jobExtraMs - 1);
    expect(await Promise.race([running, Promise.resolve('runs')])).to.equal('runs');
    clock.advance(1);
    const limitMs = job.timeoutMs + jobExtraMs;
    expect((await running).error).to.equal(`the thread that makes the calls took longer than ${limitMs} ms`);
  });
});
