import { SeededRandom } from '../../src/core/random.ts';
import { arrivalsPerMs, burstFactor, type Scenario } from './scenario.ts';
import { drawExponential } from './service-time.ts';
import { ZipfKeys } from './zipf-keys.ts';

/** A call as it arrives at a sidecar. */
export interface Arrival {
  readonly atMs: number;
  readonly sidecar: number;
  /** How long a replica in good health of speed 1 works on it. */
  readonly workMs: number;
  /** From 0 to 1: calls with little fail where some do. */
  readonly luck: number;
  readonly key: string;
}

/** Draws the calls of a scenario from the seed alone, so that every policy, simulated or live, gets the same ones. */
export function* arrivals(scenario: Scenario, seed: number): Generator<Arrival, void> {
  const { calls, sidecars, service } = scenario;
  const random = new SeededRandom(seed);
  const perMs = arrivalsPerMs(scenario);
  const keys = new ZipfKeys(scenario.keys);
  let atMs = 0;
  for (let call = 0; call < calls; call++) {
    atMs += drawExponential(random) / (perMs * burstFactor(scenario, atMs));
    // Drawn in this order for every call, used or not.
    const sidecar = sidecars === 1 ? 0 : Math.floor(random.next() * sidecars);
    const luck = random.next();
    const key = scenario.keys === 0 ? '' : keys.draw(random);
    yield { atMs, sidecar, workMs: service.draw(random), luck, key };
  }
}
