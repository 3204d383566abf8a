import type { Clock } from '../core/clock.ts';
import type { AdminDeps } from './deps.ts';
import { LiveCalls } from './live-calls.ts';
import { liveControlPlane } from './live-control-plane.ts';
import type { LivePace, LiveSection } from './live-events.ts';
import { clustersEveryMs, liveClusters, liveRoutes, liveSnapshot } from './live-snapshot.ts';
import { StateHistory } from './state-history.ts';
import { TotalsHistory } from './totals-history.ts';

/** `/live.json` is made no more often than this, however many ask: pages beyond `liveClientsMax` poll it. */
const documentLifeMs = 1_000;

/** What the live page shows, as the sections of its event stream and as one document; with the histories that it needs. */
export class LiveData {
  /** In the order in which a page needs them. */
  readonly sections: readonly LiveSection[];
  private readonly clock: Clock;
  private readonly totals: TotalsHistory;
  private readonly states: StateHistory;
  private document: { readonly madeAtMs: number; readonly value: object } | null = null;

  constructor(deps: AdminDeps, clock: Clock) {
    this.clock = clock;
    this.totals = new TotalsHistory(clock, () => deps.stats().totals);
    this.states = new StateHistory(clock, () => deps.endpointStates());
    const calls = new LiveCalls();
    const pace = paceOf(deps);
    this.sections = [
      { name: 'snapshot', make: () => liveSnapshot(deps, clock.wallMs()) },
      {
        name: 'clusters',
        make: () => liveClusters(deps, (cluster, address) => this.states.timeline(cluster, address)),
        pace,
      },
      { name: 'routes', make: () => liveRoutes(deps), pace },
      {
        name: 'calls',
        make() {
          const { rows, shown } = calls.list(deps.traces(), clock.wallMs(), deps.traceLink);
          deps.shown(shown);
          return { calls: rows };
        },
        pace,
      },
      {
        name: 'controlPlane',
        make: () => ({ controlPlane: liveControlPlane(deps.controlPlane()) }),
        pace,
      },
      {
        name: 'certificates',
        make: () => ({ certificates: deps.certificates().slice(0, certificatesMax) }),
        pace,
      },
    ];
  }

  /** Totals of the last minutes, oldest first. */
  history(): object {
    return this.totals.list();
  }

  /** Everything at once, for `/live.json`. */
  all(): object {
    const nowMs = this.clock.now();
    if (this.document === null || nowMs - this.document.madeAtMs >= documentLifeMs) {
      const value = Object.assign({}, ...this.sections.map(({ make }) => make()), {
        history: this.history(),
      });
      this.document = { madeAtMs: nowMs, value };
    }
    return this.document.value;
  }

  close(): void {
    this.totals.close();
    this.states.close();
  }
}

const certificatesMax = 100;

/** All but the totals: at a pace that follows the number of endpoints, and at once when an endpoint changes its state. */
function paceOf(deps: AdminDeps): LivePace {
  return {
    read() {
      let endpoints = 0;
      let urgency = '';
      for (const { cluster, address, state } of deps.endpointStates()) {
        endpoints++;
        urgency += `${cluster}\n${address}\n${state}\n`;
      }
      return { everyMs: clustersEveryMs(endpoints), urgency };
    },
  };
}
