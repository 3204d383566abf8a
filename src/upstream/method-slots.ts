import type { Ending } from '../core/ending.ts';
import { endings } from '../core/ending.ts';

/** gRPC methods of a cluster that are counted by name at each endpoint; those beyond count as `other`. */
export const methodsPerClusterMax = 20;
/** The place of methods without one of their own. */
export const otherMethodSlot = methodsPerClusterMax;
/** A longer name counts as `other`: it is made up, or of no use as a label. */
const nameCharsMax = 256;
/** Not looked up yet. */
const unknownSlot = -1;

/** A gRPC method as heads that are alike share it, so that its place is looked up once. */
export class MethodRef {
  /** `pkg.Svc/Method`. */
  readonly name: string;
  slot = unknownSlot;

  constructor(path: string) {
    this.name = path.charCodeAt(0) === 0x2f ? path.slice(1) : path;
  }
}

/**
 * The places of the methods of one cluster in the arrays of its endpoints. A method gets one with the first attempt that an
 * endpoint does not answer with UNIMPLEMENTED: random names take no place from real ones.
 */
export class MethodSlots {
  /** By place. */
  readonly names: string[] = [];
  private readonly slots = new Map<string, number>();

  slotOf(method: MethodRef, ending: Ending): number {
    if (method.slot !== unknownSlot) return method.slot;
    const known = this.slots.get(method.name);
    if (known !== undefined) {
      method.slot = known;
      return known;
    }
    if (ending === endings.unsupported || ending.outcome === 'neutral') return otherMethodSlot;
    const full = this.names.length >= methodsPerClusterMax || method.name.length > nameCharsMax;
    method.slot = full ? otherMethodSlot : this.names.length;
    if (!full) {
      this.names.push(method.name);
      this.slots.set(method.name, method.slot);
    }
    return method.slot;
  }
}
