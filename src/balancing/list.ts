import { ipHash } from './kinds/ip-hash.ts';
import { leastRequest } from './kinds/least-request.ts';
import { maglev } from './kinds/maglev.ts';
import { peakEwma } from './kinds/peak-ewma.ts';
import { random } from './kinds/random.ts';
import { ringHash } from './kinds/ring-hash.ts';
import { roundRobin } from './kinds/round-robin.ts';
import { stickyCookie } from './kinds/sticky-cookie.ts';
import { weightedRoundRobin } from './kinds/weighted-round-robin.ts';

/** Every policy of balancing that a cluster may name, in the order of the reference page. */
export const balancerKinds = [
  leastRequest,
  peakEwma,
  roundRobin,
  weightedRoundRobin,
  random,
  ringHash,
  maglev,
  ipHash,
  stickyCookie,
] as const;

export type PolicyName = (typeof balancerKinds)[number]['name'];

export const policyNames = balancerKinds.map(({ name }) => name) as [PolicyName, ...PolicyName[]];
