import { pluralize } from '../../core/pluralize.ts';
import type { Slice } from './slice.ts';

/** Slices of one service that are kept; a slice has 100 endpoints as a rule. */
const slicesMax = 2000;
/** Endpoints of one service that are kept. */
const endpointsMax = 20_000;

/** The slices of a service by name, within limits. */
export class SliceSet {
  private readonly slices = new Map<string, Slice>();
  private endpoints = 0;

  /** Puts a slice in the place of the one of the same name; gives '' or why there is no room. */
  put(slice: Slice): string {
    const before = this.slices.get(slice.name)?.endpoints.length ?? 0;
    const endpoints = this.endpoints - before + slice.endpoints.length;
    const slices = this.slices.size + (this.slices.has(slice.name) ? 0 : 1);
    if (endpoints > endpointsMax || slices > slicesMax)
      return `slice ${slice.name} is left out: Outrigger keeps ${pluralize(endpointsMax, 'endpoint')} in ${pluralize(slicesMax, 'slice')} of one service`;
    this.slices.set(slice.name, slice);
    this.endpoints = endpoints;
    return '';
  }

  delete(name: string): void {
    this.endpoints -= this.slices.get(name)?.endpoints.length ?? 0;
    this.slices.delete(name);
  }

  get(name: string): Slice | undefined {
    return this.slices.get(name);
  }

  all(): Slice[] {
    return [...this.slices.values()];
  }
}
