import type { KeySource } from '../../core/request-key.ts';
import { balancerKind } from '../kind.ts';
import { affinityBy } from './hash-policy.ts';
import { chooseByTable } from './maglev.ts';
import { boundedLoadKeys } from './shared-keys.ts';

const clientAddress: readonly KeySource[] = [{ source: true }];

/** `ip_hash`: `maglev` by the address of the client. */
export const ipHash = balancerKind({
  name: 'ip_hash',
  doc: '`maglev` with the client address as the key',
  keys: boundedLoadKeys,
  clientsChoose: true,
  affinity: () => affinityBy(clientAddress),
  create: ({ over, settings, random }) =>
    over((endpoints) => chooseByTable(endpoints, settings, clientAddress, random)),
});
