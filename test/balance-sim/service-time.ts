import type { Random } from '../../src/core/random.ts';

/** How long a replica works on a call. */
export interface ServiceTime {
  readonly name: string;
  readonly meanMs: number;
  /** Variance over the square of the mean: 1 for the exponential. The queues of M/G/1 depend on nothing else. */
  readonly squaredCv: number;
  /** One service time, milliseconds. */
  draw(random: Random): number;
}

/** Exponential with mean 1. */
export const drawExponential = (random: Random): number => -Math.log(1 - random.next());

export function exponential(meanMs: number): ServiceTime {
  return { name: 'exponential', meanMs, squaredCv: 1, draw: (random) => meanMs * drawExponential(random) };
}

export function constant(meanMs: number): ServiceTime {
  return { name: 'constant', meanMs, squaredCv: 0, draw: () => meanMs };
}

/** 95% of the calls are short, the others take twenty times as long: a cache that sometimes misses. */
export function bimodal(meanMs: number): ServiceTime {
  const longShare = 0.05;
  const longFactor = 20;
  const shortMs = meanMs / (1 - longShare + longShare * longFactor);
  const longMs = shortMs * longFactor;
  const secondMoment = longShare * longMs ** 2 + (1 - longShare) * shortMs ** 2;
  return {
    name: 'bimodal',
    meanMs,
    squaredCv: secondMoment / meanMs ** 2 - 1,
    draw: (random) => (random.next() < longShare ? longMs : shortMs),
  };
}

/** The usual shape of measured latencies. */
export function lognormal(meanMs: number, squaredCv = 2): ServiceTime {
  const variance = Math.log(1 + squaredCv);
  const sigma = Math.sqrt(variance);
  const mu = Math.log(meanMs) - variance / 2;
  return {
    name: 'lognormal',
    meanMs,
    squaredCv,
    // Box and Muller; the second value of the pair is not worth keeping.
    draw: (random) =>
      Math.exp(mu + sigma * Math.sqrt(2 * drawExponential(random)) * Math.cos(2 * Math.PI * random.next())),
  };
}
