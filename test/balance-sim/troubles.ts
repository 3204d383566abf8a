import { lasting, type Scenario, scenario } from './scenario.ts';

/** What may go wrong with one replica of ten, as the tables and the goals have it. */

const beginsMs = 2000;
/** The replica that is in trouble; of the cold one this is what joins last. */
export const troubled = 0;

export interface Troubled {
  readonly scenario: Scenario;
  /** From when on the replica is well again. */
  readonly wellMs: number;
}

/** 10 times slow for 6 s, at load 0.7; measured while it is. */
export function slowReplica(sidecars: number): Troubled {
  const wellMs = beginsMs + 6000;
  const trouble = {
    replica: troubled,
    kind: 'slow',
    factor: 10,
    fromMs: beginsMs,
    untilMs: wellMs,
  } as const;
  const changes = {
    sidecars,
    load: 0.7,
    troubles: [trouble],
    measureFromMs: beginsMs,
    measureUntilMs: wellMs,
  };
  return { scenario: lasting(wellMs + 4500, scenario(changes)), wellMs };
}

/** Fails every call within 0.2 ms, at load 0.7; measured while it does, but for the first half second. */
export function failingReplica(sidecars: number, lastsMs: number, replicas = 10): Troubled {
  const wellMs = beginsMs + lastsMs;
  const trouble = {
    replica: troubled,
    kind: 'failing',
    share: 1,
    afterMs: 0.2,
    fromMs: beginsMs,
    untilMs: wellMs,
  } as const;
  const changes = {
    sidecars,
    replicas,
    load: 0.7,
    troubles: [trouble],
    measureFromMs: beginsMs + 500,
    measureUntilMs: wellMs,
  };
  return { scenario: lasting(wellMs + 4500, scenario(changes)), wellMs };
}

/** When the cold replica comes: late enough for a slow start of those that were there from the start to be over. */
const joinsMs = 11_000;

/** Joins nine others, 10 times slow for its first 5 s, at load 0.85; measured while it is. */
export function coldReplica(sidecars: number): Troubled {
  const wellMs = joinsMs + 5000;
  const changes = {
    sidecars,
    joins: [{ replica: troubled, atMs: joinsMs }],
    troubles: [{ replica: troubled, kind: 'slow', factor: 10, fromMs: joinsMs, untilMs: wellMs } as const],
    measureFromMs: joinsMs,
    measureUntilMs: wellMs,
  };
  return { scenario: lasting(wellMs + 4500, scenario(changes)), wellMs };
}

/** The default but for the window, which has none: twice as long as the replica is cold. */
export const slowStart = { windowMs: 10_000, aggression: 0.5 };

/** One replica of three always 10 times slow. */
export function slowOfThree(load: number, calls: number): Scenario {
  const trouble = { replica: troubled, kind: 'slow', factor: 10, fromMs: 0, untilMs: 1e12 } as const;
  return scenario({ replicas: 3, load, calls, measureFromMs: 500, troubles: [trouble] });
}
