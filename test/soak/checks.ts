import { median } from '../bench/report.ts';
import type { Figures } from './sidecar.ts';

interface Check {
  readonly what: string;
  readonly measured: string;
  readonly wanted: string;
  readonly holds: boolean;
}

/** What the end may have on top of the baseline. Connections to endpoints and their probes come and go by a few. */
const handlesMore = 4;
const rssMore = { share: 0.25, mib: 16 };
/** Growth of the resident memory between the middle third of the run and the last. */
const growth = { share: 0.1, mib: 8 };

/** The small table at the end. */
export class Checks {
  private readonly all: Check[] = [];

  that(what: string, measured: number, holds: (measured: number) => boolean, wanted: string): void {
    this.all.push({ what, measured: String(measured), wanted, holds: holds(measured) });
  }

  /** What the sidecar held before and holds now; `rss` is its resident memory over the run, MiB. */
  held(baseline: Figures, end: Figures, rss: readonly number[]): void {
    const back = (what: string, of: (figures: Figures) => number, more: number, digits = 0): void => {
      const [before, after] = [of(baseline), of(end)];
      const measured = `${before.toFixed(digits)} -> ${after.toFixed(digits)}`;
      const wanted = `at most ${(before + more).toFixed(digits)}`;
      this.all.push({ what, measured, wanted, holds: after <= before + more });
    };
    back('resident memory, MiB', (of) => of.rssMiB, baseline.rssMiB * rssMore.share + rssMore.mib);
    const third = Math.floor(rss.length / 3);
    const [middle, last] = [rss.slice(third, 2 * third), rss.slice(2 * third)].map(median);
    const limit = middle * (1 + growth.share) + growth.mib;
    this.all.push({
      what: 'resident memory under load, middle and last third, MiB',
      measured: `${middle.toFixed(0)} -> ${last.toFixed(0)}, highest ${Math.max(...rss).toFixed(0)}`,
      wanted: `at most ${limit.toFixed(0)}`,
      holds: last <= limit,
    });
    back('heap used, MiB', (of) => of.heapUsedMiB, 24, 1);
    back('file descriptors', (of) => of.descriptors, handlesMore);
    back('sockets', (of) => of.sockets, handlesMore);
    back('timers', (of) => of.timers, handlesMore);
    back('client connections', (of) => of.clientConnections, 0);
    back('calls and streams open', (of) => of.activeCalls, 0);
    back('active on endpoints', (of) => of.activeAttempts, 0);
  }

  /** False where one does not hold. */
  print(): boolean {
    const width = Math.max(...this.all.map(({ what }) => what.length));
    for (const { what, measured, wanted, holds } of this.all)
      console.log(`${holds ? 'ok    ' : 'FAILED'} ${what.padEnd(width)}  ${measured} (${wanted})`);
    const failed = this.all.filter(({ holds }) => !holds).length;
    console.log(`${this.all.length - failed} passed, ${failed} failed`);
    return failed === 0;
  }
}
