import { balancerKind } from '../kind.ts';
import { randomPick } from '../random.ts';

/** `random`: any endpoint, by weight. */
export const random = balancerKind({
  name: 'random',
  doc: 'a random endpoint',
  keys: {},
  clientsChoose: false,
  create: ({ over, random }) => over((endpoints) => randomPick(endpoints, random)),
});
