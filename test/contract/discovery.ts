import { expect } from 'chai';
import { formatAddress } from '../../src/core/address.ts';
import type { VirtualClock } from '../../src/core/clock.ts';
import type { EndpointSpec } from '../../src/core/endpoint-spec.ts';
import type { DiscoverySource } from '../../src/discovery/source.ts';

export interface DiscoveryUnderTest {
  readonly name: string;
  make(): DiscoveryRig;
}

/** A source that has not started, over a world that the suite can change. */
export interface DiscoveryRig {
  readonly source: DiscoverySource;
  readonly clock: VirtualClock;
  /** The addresses that it will publish first, two at least, in any order. */
  readonly first: readonly string[];
  /** Lets the source notice what the world has become: moves time, waits for answers. */
  settle(): Promise<void>;
  /** Changes the world to other addresses and gives them; absent where the world cannot change. */
  change?(): readonly string[];
  /** From now on the world gives no answer; absent where it always does. */
  fail?(): void;
  /** From now on the world answers, with no addresses at all. */
  empty?(): void;
}

/** The facts that hold for every discovery source. */
export function discoveryContract({ name, make }: DiscoveryUnderTest): void {
  describe(`${name} as a discovery source`, () => {
    let rig: DiscoveryRig;
    let published: Array<readonly EndpointSpec[]>;
    const addresses = (list: readonly EndpointSpec[]) => list.map((spec) => formatAddress(spec.address));
    const latest = () => addresses(published[published.length - 1] ?? []).sort();
    const start = async () => {
      rig.source.start((list) => published.push(list));
      await rig.settle();
    };

    beforeEach(() => {
      rig = make();
      published = [];
    });
    afterEach(() => {
      rig.source.stop();
      expect(rig.clock.pending, 'timers left after stop').to.equal(0);
    });

    it('publishes the whole list, each address once', async () => {
      await start();
      expect(published.length).to.equal(1);
      expect(latest()).to.deep.equal([...rig.first].sort());
      expect(new Set(latest()).size).to.equal(latest().length);
    });

    it('publishes lists that nobody can change', async () => {
      await start();
      expect(Object.isFrozen(published[0])).to.equal(true);
    });

    it('says where the list comes from, and whether it has one', async () => {
      expect(rig.source.describe).not.to.equal('');
      expect(rig.source.status).to.deep.equal({
        answered: false,
        endpoints: 0,
        lastAnswerMs: 0,
        lastError: '',
      });
      rig.clock.advance(100);
      await start();
      expect(rig.source.status).to.include({ answered: true, endpoints: rig.first.length, lastError: '' });
      expect(rig.source.status.lastAnswerMs).to.be.at.least(100);
    });

    it('publishes nothing when nothing changed', async () => {
      await start();
      for (let i = 0; i < 5; i++) {
        rig.source.refresh();
        await rig.settle();
      }
      expect(published.length).to.equal(1);
    });

    it('survives refresh and stop at any time, and publishes nothing after stop', async () => {
      rig.source.refresh();
      await start();
      rig.change?.();
      rig.source.stop();
      rig.source.stop();
      rig.source.refresh();
      await rig.settle();
      expect(published.length).to.equal(1);
    });

    it('publishes nothing when stopped before it started', async () => {
      rig.source.stop();
      await start();
      expect(published).to.deep.equal([]);
    });

    it('may be stopped from within publish', async () => {
      rig.source.start((list) => {
        published.push(list);
        rig.source.stop();
      });
      await rig.settle();
      rig.change?.();
      await rig.settle();
      expect(published.length).to.equal(1);
    });

    // What cannot happen to a source is no test of it; one that never starts tells.
    const possible = make();
    if (possible.change) {
      it('publishes a change', async () => {
        await start();
        const changed = rig.change?.() ?? [];
        await rig.settle();
        expect(latest()).to.deep.equal([...changed].sort());
        expect(rig.source.status.endpoints).to.equal(changed.length);
      });
    }

    for (const trouble of ['fail', 'empty'] as const) {
      if (!possible[trouble]) continue;
      it(`keeps the last good list on trouble (${trouble}), says so, and goes on when it is over`, async () => {
        await start();
        rig[trouble]?.();
        for (let i = 0; i < 3; i++) await rig.settle();
        expect(published.length).to.equal(1);
        expect(rig.source.status.lastError).not.to.equal('');
        expect(rig.source.status).to.include({ answered: true, endpoints: rig.first.length });
        const changed = rig.change?.() ?? [];
        for (let i = 0; i < 3; i++) await rig.settle();
        expect(latest()).to.deep.equal([...changed].sort());
        expect(rig.source.status.lastError).to.equal('');
      });

      it(`has not answered while there was nothing but trouble (${trouble})`, async () => {
        rig[trouble]?.();
        await start();
        expect(published).to.deep.equal([]);
        expect(rig.source.status.answered).to.equal(false);
        expect(rig.source.status.lastError).not.to.equal('');
      });
    }
  });
}
