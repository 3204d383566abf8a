import { balancerKind } from '../kind.ts';
import { roundRobin as inTurn } from '../round-robin.ts';

/** `round_robin`: each endpoint in turn, by weight. */
export const roundRobin = balancerKind({
  name: 'round_robin',
  doc: 'each endpoint in turn',
  keys: {},
  clientsChoose: true,
  create: ({ over, random }) => over((endpoints) => inTurn(endpoints, random)),
});
