/** Columns by which `outrigger endpoints` can sort. */
export const endpointSorts = [
  'address',
  'state',
  'share',
  'active',
  'rate',
  'p50',
  'p99',
  'total',
  'errors',
] as const;

export type EndpointSort = (typeof endpointSorts)[number];
