import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { type Drainable, type DrainSettings, Lifecycle } from '../../../src/runtime/lifecycle.ts';

/** What a drain meets, under the test's control; notes what it is told to do, and when. */
function setUp(settings: Partial<DrainSettings> = {}) {
  const clock = new VirtualClock();
  const steps: string[] = [];
  const log: string[] = [];
  const note = (step: string) => void steps.push(`${Math.round(clock.now())} ${step}`);
  const target: { -readonly [key in keyof Drainable]: Drainable[key] } = {
    connections: 0,
    activeCalls: 0,
    endedCalls: 100,
    undelivered: 0,
    handOver: () => false,
    announce: () => note('announce'),
    resume: () => note('resume'),
    stopAccepting: () => note('close listeners'),
    refuse: () => note('refuse'),
    abortCalls() {
      note('cut');
      const cut = this.activeCalls;
      this.endedCalls += cut;
      this.activeCalls = 0;
      return cut;
    },
    close: async () => note('close'),
  };
  const logger = { ...silentLogger, info: (line: string) => void log.push(line) };
  const lifecycle = new Lifecycle(clock, logger, {
    delayMs: 0,
    graceMs: 10_000,
    goawayDelayMs: 1000,
    ...settings,
  });
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
    expect(steps).to.deep.equal(['0 close listeners', '0 refuse', '0 cut', '0 close']);
    expect(clock.pending).to.equal(0);
  });

  it('waits for the delay between the two GOAWAYs while there are connections, then for the calls', async () => {
    const { lifecycle, target, steps, pass, log, clock } = setUp();
    target.connections = 2;
    target.activeCalls = 3;
    const stopped = lifecycle.stop(target);
    await pass(1000);
    expect(steps).to.deep.equal(['0 close listeners', '1000 refuse']);
    await pass(2000);
    target.activeCalls = 0;
    target.endedCalls += 3;
    await pass(10);
    expect(await stopped).to.deep.equal({ cut: 0, finished: 3, undelivered: 0 });
    expect(steps.slice(2)).to.deep.equal(['3010 cut', '3010 close']);
    expect(log.at(-1)).to.equal('drained: 0 requests terminated, 3 finished');
    expect(clock.pending, 'the timer of the grace is gone').to.equal(0);
  });

  it('waits for replies that are not delivered yet though their calls have ended', async () => {
    const { lifecycle, target, steps, pass } = setUp({ graceMs: 10_000, goawayDelayMs: 0 });
    target.undelivered = 1;
    const drained = lifecycle.drain(target);
    await pass(500);
    expect(steps).to.deep.equal(['0 close listeners', '0 refuse']);
    target.undelivered = 0;
    await pass(10);
    await drained;
    expect(steps.at(-1)).to.equal('510 cut');
  });

  it('terminates what is left when the grace, counted from the start, is over', async () => {
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
    expect(log.at(-1)).to.equal(
      'drained: 5 requests terminated, 0 finished, 2 connections with unread replies',
    );
  });

  it('asked to stop a second time, waits no longer: what is left is terminated', async () => {
    const { lifecycle, target, steps, pass, clock } = setUp();
    target.connections = 1;
    target.activeCalls = 5;
    const drained = lifecycle.drain(target);
    await pass(200);
    expect(steps).to.deep.equal(['0 close listeners']);
    lifecycle.endGrace();
    await pass(20);
    expect(await drained).to.deep.equal({ cut: 5, finished: 0, undelivered: 0 });
    expect(steps).to.deep.equal(['0 close listeners', '210 refuse', '210 cut']);
    expect(clock.pending).to.equal(0);
  });

  it('asked so while it waits for a successor, waits no longer either', async () => {
    const { lifecycle, target, steps, pass, clock } = setUp();
    target.handOver = async (control) => {
      while (!control.over) await new Promise<void>((resolve) => void clock.after(10, resolve));
      return false;
    };
    const drained = lifecycle.drain(target);
    await pass(100);
    expect(steps).to.deep.equal([]);
    lifecycle.endGrace();
    await pass(20);
    await drained;
    expect(steps.map((step) => step.split(' ')[1])).to.deep.equal(['close', 'refuse', 'cut']);
  });

  it('a delay longer than the grace does not outlast it', async () => {
    const { lifecycle, target, steps, pass } = setUp({ graceMs: 500, goawayDelayMs: 1000 });
    target.connections = 1;
    target.activeCalls = 1;
    const drained = lifecycle.drain(target);
    await pass(500);
    await drained;
    expect(steps).to.deep.equal(['0 close listeners', '500 refuse', '500 cut']);
  });

  it('drains and closes once, whoever asks and however often', async () => {
    const { lifecycle, target, steps } = setUp();
    const [first, second, third] = await Promise.all([
      lifecycle.drain(target),
      lifecycle.stop(target),
      lifecycle.stop(target),
    ]);
    expect([second, third]).to.deep.equal([first, first]);
    expect(steps.map((step) => step.split(' ')[1])).to.deep.equal(['close', 'refuse', 'cut', 'close']);
  });

  describe('with a delay', () => {
    const delayed = { delayMs: 5000, graceMs: 2000, goawayDelayMs: 1000 };

    it('asks the clients to go at once, and closes the listeners when it is over; the grace begins then', async () => {
      const { lifecycle, target, steps, pass, clock } = setUp(delayed);
      target.connections = 2;
      target.activeCalls = 3;
      const stopped = lifecycle.stop(target);
      expect([lifecycle.state, lifecycle.isClosing]).to.deep.equal(['draining', false]);
      await pass(4990);
      expect(steps).to.deep.equal(['0 announce']);
      expect(lifecycle.progress).to.deep.equal({ phase: 'accepting', acceptingForMs: 10, canUndrain: false });
      await pass(10);
      expect(lifecycle.progress).to.deep.equal({ phase: 'closing', acceptingForMs: 0, canUndrain: false });
      await pass(2000);
      expect(await stopped).to.deep.equal({ cut: 3, finished: 0, undelivered: 0 });
      expect(steps).to.deep.equal([
        '0 announce',
        '5000 close listeners',
        '6000 refuse',
        '7000 cut',
        '7000 close',
      ]);
      expect(lifecycle.progress?.phase).to.equal('drained');
      expect(clock.pending).to.equal(0);
    });

    it('idle, waits for it all the same: who comes is served', async () => {
      const { lifecycle, target, steps, pass } = setUp(delayed);
      const drained = lifecycle.drain(target);
      await pass(1000);
      target.endedCalls += 7;
      await pass(4000);
      expect(await drained).to.deep.equal({ cut: 0, finished: 7, undelivered: 0 });
      expect(steps[1]).to.equal('5000 close listeners');
    });

    it('undrain takes it back, and the next drain begins again', async () => {
      const { lifecycle, target, steps, pass, clock } = setUp(delayed);
      expect(lifecycle.undrain()).to.equal('not_draining');
      const first = lifecycle.drain(target);
      expect(lifecycle.drain(target), 'one drain').to.equal(first);
      await pass(4000);
      expect(lifecycle.undrain()).to.equal('undrained');
      expect([lifecycle.state, lifecycle.progress]).to.deep.equal(['ready', null]);
      expect(lifecycle.undrain(), 'a second time').to.equal('not_draining');
      await pass(10);
      expect(await first).to.equal(null);
      const second = lifecycle.drain(target);
      expect(lifecycle.progress?.acceptingForMs).to.equal(5000);
      await pass(5000);
      expect(await second).to.deep.equal({ cut: 0, finished: 0, undelivered: 0 });
      expect(steps.map((step) => step.slice(step.indexOf(' ') + 1))).to.deep.equal([
        'announce',
        'resume',
        'announce',
        'close listeners',
        'refuse',
        'cut',
      ]);
      expect(clock.pending).to.equal(0);
    });

    it('a drain that begins in the turn of the undrain is another one', async () => {
      const { lifecycle, target, steps, pass } = setUp(delayed);
      const first = lifecycle.drain(target);
      await pass(4000);
      lifecycle.undrain();
      const second = lifecycle.drain(target);
      await pass(4990);
      expect([await first, lifecycle.state]).to.deep.equal([null, 'draining']);
      expect(steps.some((step) => step.endsWith('close listeners'))).to.equal(false);
      await pass(10);
      expect(await second).to.include({ cut: 0 });
    });

    it('undrain is too late once the listeners close, and while the process is to end', async () => {
      const { lifecycle, target, pass } = setUp(delayed);
      target.activeCalls = 1;
      const drained = lifecycle.drain(target);
      await pass(5000);
      expect(lifecycle.undrain()).to.equal('listeners_closed');
      await pass(2000);
      await drained;
      expect(lifecycle.undrain(), 'drained').to.equal('listeners_closed');
      const other = setUp(delayed);
      const stopped = other.lifecycle.stop(other.target);
      await other.pass(100);
      expect(other.lifecycle.undrain()).to.equal('stopping');
      await other.pass(5000);
      await stopped;
    });

    it('a stop during a drain goes on with it, and it can no longer be taken back', async () => {
      const { lifecycle, target, steps, pass } = setUp(delayed);
      void lifecycle.drain(target);
      await pass(3000);
      const stopped = lifecycle.stop(target);
      expect(lifecycle.undrain()).to.equal('stopping');
      await pass(2000);
      expect(await stopped).to.include({ cut: 0 });
      expect(steps[1]).to.equal('5000 close listeners');
    });

    it('a stop after an undrain drains again', async () => {
      const { lifecycle, target, steps, pass } = setUp(delayed);
      void lifecycle.drain(target);
      await pass(1000);
      lifecycle.undrain();
      await pass(1000);
      const stopped = lifecycle.stop(target);
      await pass(5000);
      await stopped;
      expect(steps).to.include('7000 close listeners');
    });

    it('skipDelay closes the listeners now, and calls have their grace', async () => {
      const { lifecycle, target, steps, pass } = setUp(delayed);
      target.activeCalls = 1;
      const stopped = lifecycle.stop(target);
      lifecycle.skipDelay();
      await pass(1000);
      target.activeCalls = 0;
      await pass(10);
      await stopped;
      expect(steps.slice(0, 2)).to.deep.equal(['0 close listeners', '0 refuse']);
    });

    it('skipDelay still waits for a successor', async () => {
      const { lifecycle, target, steps, pass, clock } = setUp(delayed);
      target.handOver = async (control) => {
        const endMs = clock.now() + 3000;
        while (!control.over && clock.now() < endMs)
          await new Promise<void>((resolve) => void clock.after(10, resolve));
        return false;
      };
      const stopped = lifecycle.stop(target);
      lifecycle.skipDelay();
      await pass(3010);
      await stopped;
      expect(steps[0]).to.equal('3000 close listeners');
    });

    it('asked to stop a second time during it, closes and terminates now', async () => {
      const { lifecycle, target, steps, pass } = setUp(delayed);
      target.activeCalls = 2;
      const stopped = lifecycle.stop(target);
      await pass(1500);
      lifecycle.endGrace();
      await pass(10);
      expect(await stopped).to.deep.equal({ cut: 2, finished: 0, undelivered: 0 });
      expect(steps.map((step) => step.split(' ')[1])).to.deep.equal([
        'announce',
        'close',
        'refuse',
        'cut',
        'close',
      ]);
    });

    it('is not waited for where a successor takes the new connections, and runs while one is waited for', async () => {
      const { lifecycle, target, steps, pass, clock } = setUp(delayed);
      const after = (ms: number, result: boolean) => async () => {
        await new Promise<void>((resolve) => void clock.after(ms, resolve));
        return result;
      };
      target.handOver = after(1000, true);
      const stopped = lifecycle.stop(target);
      await pass(1000);
      await stopped;
      expect(steps[0]).to.equal('1000 close listeners');
      const other = setUp(delayed);
      other.target.handOver = async () => {
        await new Promise<void>((resolve) => void other.clock.after(3000, resolve));
        return false;
      };
      const alone = other.lifecycle.stop(other.target);
      await other.pass(5000);
      await alone;
      expect(other.steps.slice(0, 2)).to.deep.equal(['3000 announce', '5000 close listeners']);
    });

    it('says how long connections are accepted while a successor is waited for longer than the delay', async () => {
      const { lifecycle, target, steps, pass, clock } = setUp(delayed);
      target.handOver = async (control) => {
        control.acceptsUntil(clock.now() + 8000);
        await new Promise<void>((resolve) => void clock.after(8000, resolve));
        return false;
      };
      const drained = lifecycle.drain(target);
      await pass(6000);
      expect(lifecycle.progress).to.deep.equal({
        phase: 'accepting',
        acceptingForMs: 2000,
        canUndrain: true,
      });
      await pass(2000);
      await drained;
      expect(steps[0]).to.equal('8000 close listeners');
      const soon = setUp(delayed);
      soon.target.handOver = (control) => {
        control.acceptsUntil(soon.clock.now() + 1000);
        return false;
      };
      void soon.lifecycle.stop(soon.target);
      expect(soon.lifecycle.progress).to.deep.include({ acceptingForMs: delayed.delayMs, canUndrain: false });
    });

    it('a drain that is taken back while a successor is waited for ends the wait', async () => {
      const { lifecycle, target, steps, pass, clock } = setUp(delayed);
      target.handOver = async (control) => {
        while (!control.over) await new Promise<void>((resolve) => void clock.after(10, resolve));
        return false;
      };
      const drained = lifecycle.drain(target);
      await pass(1000);
      expect(lifecycle.undrain()).to.equal('undrained');
      await pass(10);
      expect([await drained, steps]).to.deep.equal([null, ['1000 resume']]);
    });

    it('before the start is over, undrain goes back to starting', async () => {
      const { target, pass } = setUp(delayed);
      const clock = new VirtualClock();
      const lifecycle = new Lifecycle(clock, silentLogger, delayed);
      void lifecycle.drain(target);
      lifecycle.undrain();
      expect(lifecycle.state).to.equal('starting');
      void lifecycle.drain(target);
      lifecycle.started();
      expect(lifecycle.state).to.equal('draining');
      lifecycle.undrain();
      expect(lifecycle.state).to.equal('ready');
      await pass(10);
    });
  });
});
