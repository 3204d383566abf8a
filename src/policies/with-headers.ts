import type { Field } from '../core/field.ts';
import { HeaderBlock } from '../core/header-block.ts';

/**
 * Returns the block without the headers of some names, and with others at its end. Where there is nothing to remove, the new ones
 * stand on the old block, which keeps its identity for encoders.
 */
export function withHeaders(
  block: HeaderBlock,
  removed: ReadonlySet<string>,
  added: readonly Field[],
): HeaderBlock {
  const all = block.allFields;
  if (all.some(({ name }) => removed.has(name)))
    return new HeaderBlock([...all.filter(({ name }) => !removed.has(name)), ...added]);
  return added.length === 0 ? block : new HeaderBlock(added, block);
}
