import { expect } from 'chai';
import { VirtualClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { type Drainable, Lifecycle } from '../../src/lifecycle.ts';

/** What a drain meets, under the test's control; notes what it is told to do, and when. */
function setUp(settings = { graceMs: 10_000, goawayDelayMs: 1000 }) {
  const clock = new VirtualClock();
  const steps: string[] = [];
  const log: string[] = [];
  const note = (step: string) => void steps.push(`${Math.round(clock.now())} ${step}`);
  const target: { -readonly [key in keyof Drainable]: Drainable[key] } = {
    connections: 0,
    activeCalls: 0,
    endedCalls: 100,
    undelivered: 0,
    handOver: () => {},
    announce: () => note('announce'),
    refuse: () => note('refuse'),
    cut() {
      note('cut');
      const cut = this.activeCalls;
      this.endedCalls += cut;
      this.activeCalls = 0;
      return cut;
    },
    close: async () => note('close'),
  };
  const logger = { ...silentLogger, info: (line: string) => void log.push(line) };
  const lifecycle = new Lifecycle(clock, logger, settings);
  lifecycle.started();
  /** Moves time on in small steps, and lets what waits for it run in between. */
  const pass = async (ms: number): Promise<void> => {
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    await turn();
    for (let passed = 0; passed < ms; passed += 10) {
      clock.advance(10);
      await turn();
    }
  };
  return { clock, steps, log, target, lifecycle, pass };
}

describe('Lifecycle', () => {
  it('starting, ready, draining; never back', async () => {
    const { lifecycle, target } = setUp();
    expect(lifecycle.state).to.equal('ready');
    const drained = lifecycle.drain(target);
    expect(lifecycle.state).to.equal('draining');
    lifecycle.started();
    expect(lifecycle.state).to.equal('draining');
    await drained;
  });

  it('idle, it waits for nothing', async () => {
    const { lifecycle, target, steps, clock } = setUp();
    expect(await lifecycle.stop(target)).to.deep.equal({ cut: 0, finished: 0, undelivered: 0 });
    expect(steps).to.deep.equal(['0 announce', '0 refuse', '0 cut', '0 close']);
    expect(clock.pending).to.equal(0);
  });

  it('waits for the delay between the two GOAWAYs while there are connections, then for the calls', async () => {
    const { lifecycle, target, steps, pass, log, clock } = setUp();
    target.connections = 2;
    target.activeCalls = 3;
    const stopped = lifecycle.stop(target);
    await pass(1000);
    expect(steps).to.deep.equal(['0 announce', '1000 refuse']);
    await pass(2000);
    target.activeCalls = 0;
    target.endedCalls += 3;
    await pass(10);
    expect(await stopped).to.deep.equal({ cut: 0, finished: 3, undelivered: 0 });
    expect(steps.slice(2)).to.deep.equal(['3010 cut', '3010 close']);
    expect(log.at(-1)).to.equal('drained: 0 calls cut, 3 finished');
    expect(clock.pending, 'the timer of the grace is gone').to.equal(0);
  });

  it('waits for replies that are not delivered yet though their calls have ended', async () => {
    const { lifecycle, target, steps, pass } = setUp({ graceMs: 10_000, goawayDelayMs: 0 });
    target.undelivered = 1;
    const drained = lifecycle.drain(target);
    await pass(500);
    expect(steps).to.deep.equal(['0 announce', '0 refuse']);
    target.undelivered = 0;
    await pass(10);
    await drained;
    expect(steps.at(-1)).to.equal('510 cut');
  });

  it('cuts what is left when the grace, counted from the start, is over', async () => {
    const { lifecycle, target, steps, pass, log } = setUp();
    target.connections = 1;
    target.activeCalls = 5;
    target.undelivered = 2;
    const drained = lifecycle.drain(target);
    await pass(9990);
    expect(steps).to.have.length(2);
    await pass(10);
    expect(await drained).to.deep.equal({ cut: 5, finished: 0, undelivered: 2 });
    expect(steps.at(-1)).to.equal('10000 cut');
    expect(log.at(-1)).to.equal('drained: 5 calls cut, 0 finished, 2 connections too slow for their replies');
  });

  it('told to stop a second time, waits no longer: what is left is cut', async () => {
    const { lifecycle, target, steps, pass, clock } = setUp();
    target.connections = 1;
    target.activeCalls = 5;
    const drained = lifecycle.drain(target);
    await pass(200);
    expect(steps).to.deep.equal(['0 announce']);
    lifecycle.endGrace();
    await pass(20);
    expect(await drained).to.deep.equal({ cut: 5, finished: 0, undelivered: 0 });
    expect(steps).to.deep.equal(['0 announce', '210 refuse', '210 cut']);
    expect(clock.pending).to.equal(0);
  });

  it('told so while it waits for a successor, waits no longer either', async () => {
    const { lifecycle, target, steps, pass, clock } = setUp();
    target.handOver = async (isOver) => {
      while (!isOver()) await new Promise<void>((resolve) => void clock.after(10, resolve));
    };
    const drained = lifecycle.drain(target);
    await pass(100);
    expect(steps).to.deep.equal([]);
    lifecycle.endGrace();
    await pass(20);
    await drained;
    expect(steps.map((step) => step.split(' ')[1])).to.deep.equal(['announce', 'refuse', 'cut']);
  });

  it('a delay longer than the grace does not outlast it', async () => {
    const { lifecycle, target, steps, pass } = setUp({ graceMs: 500, goawayDelayMs: 1000 });
    target.connections = 1;
    target.activeCalls = 1;
    const drained = lifecycle.drain(target);
    await pass(500);
    await drained;
    expect(steps).to.deep.equal(['0 announce', '500 refuse', '500 cut']);
  });

  it('drains and closes once, whoever asks and however often', async () => {
    const { lifecycle, target, steps } = setUp();
    const [first, second, third] = await Promise.all([
      lifecycle.drain(target),
      lifecycle.stop(target),
      lifecycle.stop(target),
    ]);
    expect([second, third]).to.deep.equal([first, first]);
    expect(steps.map((step) => step.split(' ')[1])).to.deep.equal(['announce', 'refuse', 'cut', 'close']);
  });
});
