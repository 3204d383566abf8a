import { lasting, type Scenario, scenario, type Trouble } from '../../balance-sim/scenario.ts';
import { exponential } from '../../balance-sim/service-time.ts';

/** What the live run has in common with the simulator: the very same scenarios. */
export interface Case {
  readonly name: string;
  readonly what: string;
  readonly scenario: Scenario;
}

/** The replica that has a trouble, or joins last. */
export const troubled = 0;

/** How large the run is. With 40 ms of work a call, 10 replicas take 850 calls a second, which two cores can carry. */
export interface Size {
  readonly sidecars: number;
  readonly replicas: number;
  readonly seconds: number;
  readonly meanWorkMs: number;
}

export const fullSize: Size = { sidecars: 20, replicas: 10, seconds: 30, meanWorkMs: 40 };
export const smokeSize: Size = { sidecars: 3, replicas: 3, seconds: 3, meanWorkMs: 40 };

/** Each case begins well; a trouble comes after a sixth of it and lasts for half of it. */
export function cases({ sidecars, replicas, seconds, meanWorkMs }: Size): readonly Case[] {
  const lastsMs = seconds * 1000;
  const window = { fromMs: lastsMs / 6, untilMs: (lastsMs * 2) / 3 };
  const base = { sidecars, replicas, service: exponential(meanWorkMs) };
  const made = (name: string, what: string, changes: Partial<Scenario>): Case => ({
    name,
    what,
    scenario: lasting(lastsMs, scenario({ ...base, ...changes })),
  });
  const slow = { replica: troubled, kind: 'slow', factor: 10, ...window } as const;
  const failing = { replica: troubled, kind: 'failing', share: 1, afterMs: 0.2, ...window } as const;
  const during = (trouble: Trouble): Partial<Scenario> => ({
    troubles: [trouble],
    measureFromMs: window.fromMs,
    measureUntilMs: window.untilMs,
  });
  return [
    made('well', 'all replicas are well, load 0.85', { measureFromMs: lastsMs / 10 }),
    made('slow', 'one replica is 10 times slower for a while, load 0.7', { load: 0.7, ...during(slow) }),
    made('failing', 'one replica fails each call at once for a while, load 0.7', {
      load: 0.7,
      ...during(failing),
      measureFromMs: window.fromMs + 500,
    }),
    made('cold', 'one replica joins, 10 times slower at first, load 0.85', {
      ...during(slow),
      joins: [{ replica: troubled, atMs: window.fromMs }],
    }),
  ];
}
