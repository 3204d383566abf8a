import type { HeaderBlock } from '../../core/header-block.ts';

const slotCount = 128;

interface Slot {
  readonly block: HeaderBlock;
  readonly version: number;
  readonly bytes: Uint8Array;
}

/**
 * What blocks that come again were encoded to, for one encoder. Direct-mapped by the block's number, so that the
 * encoding of a block that is known costs two loads and no hash.
 */
export class EncodedMemo {
  private slots: Array<Slot | null> | null = null; // made at the first block: an idle connection has none

  /** The bytes of `block` while the table is at `version`, or null. */
  find(block: HeaderBlock, version: number): Uint8Array | null {
    if (this.slots === null) return null;
    const slot = this.slots[block.number & (slotCount - 1)];
    return slot !== null && slot.block === block && slot.version === version ? slot.bytes : null;
  }

  keep(block: HeaderBlock, version: number, bytes: Uint8Array): void {
    this.slots ??= new Array(slotCount).fill(null);
    this.slots[block.number & (slotCount - 1)] = { block, version, bytes };
  }
}
