import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { adminServerName } from '../../../src/admin/reply.ts';
import type { Address } from '../../../src/core/address.ts';
import { VirtualClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import type { AppState } from '../../../src/runtime/parts.ts';
import { beforeSharing, onDrainRequest, whenFree } from '../../../src/runtime/take-over.ts';
import { warmUpMsMax } from '../../../src/upstream/warm-up.ts';
import { until } from '../../support/until.ts';

/** A successor with 1 s for the hand-over, whose clusters give `reason` for not being ready. */
function successor(reason = (): string => '') {
  const clock = new VirtualClock();
  const cluster = {
    get notReadyBecause() {
      return reason();
    },
  };
  const config: { drain: { handoverMs?: number }; admin: { listen: Address } } = {
    drain: { handoverMs: 1000 },
    admin: { listen: { kind: 'tcp', host: '127.0.0.1', port: 1 } },
  };
  const parts = {
    deps: { clock, logger: silentLogger },
    running: { config, clusters: new Map([['c', { cluster }]]) },
  } as unknown as AppState;
  return { clock, parts, config };
}

/** Moves time on by `stepMs` whenever the work waits for it, until the work is over; how long it took, virtual milliseconds. */
async function play(clock: VirtualClock, work: Promise<unknown>, stepMs = 50): Promise<number> {
  const startMs = clock.now();
  let over = false;
  const end = (): void => {
    over = true;
  };
  work.then(end, end);
  await until(
    () => {
      if (!over && clock.pending > 0) clock.advance(stepMs);
      return over;
    },
    () => 'the work is not over',
  );
  return clock.now() - startMs;
}

const messageOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (error: Error) => error.message,
  );

describe('a sidecar that takes over from another', () => {
  it('retries to open its admin address every 50 ms, until the predecessor gives it away', async () => {
    const { clock, parts } = successor();
    const triedMs: number[] = [];
    const opened = whenFree(async () => {
      triedMs.push(clock.now());
      if (triedMs.length < 4) throw new Error('in use');
      return 'admin';
    }, parts);
    expect(await play(clock, opened)).to.equal(150);
    expect(await opened).to.equal('admin');
    expect(triedMs).to.deep.equal([0, 50, 100, 150]);
    expect(clock.pending).to.equal(0);
  });

  it('gives up with the error of the last attempt once drain.handover has passed', async () => {
    const { clock, parts } = successor();
    let tries = 0;
    const failed = messageOf(whenFree(() => Promise.reject(new Error(`in use, ${++tries}`)), parts));
    expect(await play(clock, failed)).to.equal(1000);
    expect(await failed).to.equal('in use, 21');
    expect(clock.pending).to.equal(0);
  });

  it('shares its addresses once its clusters are ready', async () => {
    let reason = 'cluster c: the first probes are under way';
    const { clock, parts } = successor(() => reason);
    clock.after(75, () => {
      reason = '';
    });
    expect(await play(clock, beforeSharing(parts), 5)).to.equal(80);
  });

  it('shares its addresses after the longest warm-up, whatever its clusters wait for', async () => {
    const { clock, parts } = successor(() => 'cluster c: no answer from DNS yet');
    const shared = beforeSharing(parts);
    // Every 10 ms it looks; the turns in between let it.
    while (clock.now() < warmUpMsMax - 10) {
      clock.advance(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await play(clock, shared, 10)).to.equal(10);
    expect(clock.pending).to.equal(0);
  });

  it('waits for no cluster where nothing is handed over', async () => {
    const { clock, parts, config } = successor(() => 'cluster c: no answer from DNS yet');
    config.drain = {};
    await beforeSharing(parts);
    expect(clock.pending).to.equal(0);
  });
});

describe('a sidecar that waits for its predecessor', () => {
  let asked = 0;
  /** So many answers say that it is ready, and the others that it drains. */
  let readyAnswers = 0;
  const server = createServer((_request, response) => {
    const state = asked++ < readyAnswers ? 'ready' : 'draining';
    response.setHeader('server', adminServerName);
    response.end(JSON.stringify({ state }));
  });

  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  after(() => server.close());

  function waiting(answers: number) {
    asked = 0;
    readyAnswers = answers;
    const made = successor();
    const { port } = server.address() as AddressInfo;
    made.config.admin.listen = { kind: 'tcp', host: '127.0.0.1', port };
    return { ...made, port, told: messageOf(onDrainRequest(made.parts)) };
  }

  it('asks it every 50 ms whether it drains', async () => {
    const { clock, told } = waiting(3);
    expect(await play(clock, told)).to.equal(150);
    expect(await told).to.equal('no error');
    expect(asked).to.equal(4);
    expect(clock.pending).to.equal(0);
  });

  it('gives up once drain.handover has passed, with what to do', async () => {
    const { clock, told, port } = waiting(1000);
    expect(await play(clock, told)).to.equal(1000);
    expect(await told).to.equal(
      `admin: 127.0.0.1:${port} is in use, and its sidecar did not start to drain within drain.handover; stop it with SIGTERM, or choose another address (admin.listen, --admin)`,
    );
    expect(clock.pending).to.equal(0);
  });
});
