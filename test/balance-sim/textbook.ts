import { product } from './product.ts';
import { type Scenario, scenario, steady } from './scenario.ts';
import { bimodal, constant, exponential, lognormal, type ServiceTime } from './service-time.ts';
import type { Policy } from './spreader.ts';
import type { Summary } from './summary.ts';

/** A queue whose figures can be computed, to judge the simulator by. */
export interface TextbookCase {
  readonly name: string;
  readonly scenario: Scenario;
  readonly policy: Policy;
  readonly figures: ReadonlyArray<{
    readonly name: string;
    readonly expectedMs: number;
    of(summary: Summary): number;
  }>;
}

const meanMs = 2;

export function textbookCases(calls: number): TextbookCase[] {
  return [
    shared(calls, 1, 0.7),
    shared(calls, 4, 0.75),
    single(calls, constant(meanMs)),
    single(calls, bimodal(meanMs)),
    single(calls, lognormal(meanMs)),
    twoChoices(calls, 0.9),
  ];
}

/** M/M/c: Erlang's C formula; the waiting time is 0 or exponential, so that its distribution is known as well. */
function shared(calls: number, workers: number, load: number): TextbookCase {
  const waits = erlangC(workers, load * workers);
  const rate = (workers * (1 - load)) / meanMs;
  const sojournMs = [];
  if (workers === 1)
    sojournMs.push({ name: 'p99', expectedMs: Math.log(100) / rate, of: (s: Summary) => s.p99Ms });
  return {
    name: `M/M/${workers} at ${load}`,
    scenario: queue(calls, workers, load, exponential(meanMs)),
    policy: product('least_request'),
    figures: [{ name: 'mean wait', expectedMs: waits / rate, of: (s) => s.meanMs - meanMs }, ...sojournMs],
  };
}

/** The probability that a call must wait, for so many workers and an offered load in workers (Erlang 1917). */
export function erlangC(workers: number, offered: number): number {
  // The blocking probability of Erlang's B formula by its recurrence, which neither overflows nor cancels.
  let blocked = 1;
  for (let i = 1; i <= workers; i++) blocked = (offered * blocked) / (i + offered * blocked);
  return blocked / (1 - (offered / workers) * (1 - blocked));
}

/** M/G/1: the mean wait depends on the first two moments of the service time alone (Pollaczek and Khinchine). */
function single(calls: number, service: ServiceTime): TextbookCase {
  const load = 0.6;
  const expectedMs = (load * meanMs * (1 + service.squaredCv)) / (2 * (1 - load));
  return {
    name: `M/G/1 at ${load}, ${service.name}`,
    scenario: queue(calls, 1, load, service),
    policy: product('least_request'),
    figures: [{ name: 'mean wait', expectedMs, of: (s) => s.meanMs - meanMs }],
  };
}

function queue(calls: number, workers: number, load: number, service: ServiceTime): Scenario {
  return steady(scenario({ replicas: 1, workers, load, service, networkMs: 0, calls }));
}

/**
 * The power of two choices: with many replicas of one worker the share of those with i calls or more tends to
 * load^(2^i - 1) (Vvedenskaya, Dobrushin and Karpelevich; Mitzenmacher). A call finds i or more at the better of two draws with
 * the square of that, and stays for as many exponentials as it finds and one.
 */
function twoChoices(calls: number, load: number): TextbookCase {
  const found = (i: number): number => load ** (2 * (2 ** i - 1));
  let stays = 0;
  for (let i = 0; i < 10; i++) stays += found(i);
  return {
    name: `two choices of 500 at ${load}`,
    scenario: steady(
      scenario({ replicas: 500, workers: 1, load, service: exponential(meanMs), networkMs: 0, calls }),
    ),
    policy: product('least_request', { choices: 2 }),
    figures: [
      { name: 'mean sojourn', expectedMs: stays * meanMs, of: (s) => s.meanMs },
      { name: 'p99', expectedMs: twoChoicesQuantile(found, 0.01) * meanMs, of: (s) => s.p99Ms },
    ],
  };
}

/** When a call is still there with probability `left`: it stays for Erlang(i + 1) where it found i. */
function twoChoicesQuantile(found: (i: number) => number, left: number): number {
  const still = (t: number): number => {
    let sum = 0;
    let notYet = 0; // of Erlang(i + 1) at t: e^-t (1 + t + ... + t^i / i!)
    let term = Math.exp(-t);
    for (let i = 0; i < 10; i++) {
      notYet += term;
      sum += (found(i) - found(i + 1)) * notYet;
      term *= t / (i + 1);
    }
    return sum;
  };
  let low = 0;
  let high = 100;
  while (high - low > 1e-6) {
    const middle = (low + high) / 2;
    if (still(middle) > left) low = middle;
    else high = middle;
  }
  return low;
}
