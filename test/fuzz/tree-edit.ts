/** Edits of a tree of plain values (what YAML or JSON gives), each told by one record of bytes. */

/** Bytes of one edit. */
export const editBytes = 8;

const scalars: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1,
  1.5,
  65_536,
  1e21,
  Number.NaN,
  '',
  'none',
  'auto',
  'tcp',
  '*',
  '0ms',
  '1ms',
  '250ms',
  '1.5s',
  '99999h',
  '64KiB',
  '0B',
  '1GiB',
  '127.0.0.1:1',
  '127.0.0.1',
  '[::1]:65535',
  'unix:/tmp/a',
  'dns:///a:1',
  '/a',
  '(a+)+',
  '[',
  'a\nb',
  '\u001b[31m',
  '__proto__',
  '\u00e9',
  'x'.repeat(300),
  [],
  {},
  [[]],
];

/** One of its own to each who asks: what is put into a list here must not be in the next tree too, or in itself. */
function scalar(pick: number): unknown {
  return structuredClone(scalars[pick % scalars.length]);
}

type Container = Record<string, unknown> | unknown[];
interface Slot {
  readonly holder: Container;
  readonly key: string | number;
}

/** Every place in a tree that holds a value, in order. */
function slotsOf(tree: unknown, slots: Slot[] = []): Slot[] {
  if (Array.isArray(tree)) {
    for (const [index, item] of tree.entries()) {
      slots.push({ holder: tree, key: index });
      slotsOf(item, slots);
    }
  } else if (typeof tree === 'object' && tree !== null) {
    for (const [key, value] of Object.entries(tree)) {
      slots.push({ holder: tree as Record<string, unknown>, key });
      slotsOf(value, slots);
    }
  }
  return slots;
}

/** All keys of a tree. */
export function keysOf(tree: unknown): string[] {
  return slotsOf(tree)
    .map(({ key }) => key)
    .filter((key): key is string => typeof key === 'string');
}

function get({ holder, key }: Slot): unknown {
  return (holder as Record<string | number, unknown>)[key];
}

function set({ holder, key }: Slot, value: unknown): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

/** Larger trees are left as they are: doubling would soon be all there is. */
const slotsMax = 1500;

/** The tree after one edit; `keys` are those that mean something, `donor` a tree to take parts from. */
export function applyEdit(tree: unknown, edit: Uint8Array, keys: readonly string[], donor: unknown): unknown {
  const [op, a, b, c, d, e] = edit;
  const slots = slotsOf(tree);
  if (slots.length === 0 || slots.length > slotsMax) return tree;
  const slot = slots[((a << 8) | b) % slots.length];
  const value = get(slot);
  switch (op % 10) {
    case 0:
      set(slot, scalar(c));
      break;
    case 1:
      if (Array.isArray(slot.holder)) slot.holder.splice(Number(slot.key), 1);
      else delete slot.holder[slot.key];
      break;
    case 2:
      if (Array.isArray(value) && value.length > 0) value.push(structuredClone(value[c % value.length]));
      break;
    case 3:
      if (!Array.isArray(slot.holder))
        renamed(slot.holder, String(slot.key), misspelt(String(slot.key), c, d));
      break;
    case 4:
      addKey(value, keys[((c << 8) | d) % keys.length], scalar(e));
      break;
    case 5: {
      const parts = slotsOf(donor);
      set(slot, structuredClone(get(parts[((c << 8) | d) % parts.length])));
      break;
    }
    case 6: {
      const other = slots[((c << 8) | d) % slots.length];
      const copy = structuredClone(get(other));
      set(slot, copy);
      break;
    }
    case 7: {
      const parts = slotsOf(donor);
      const part = parts[((c << 8) | d) % parts.length];
      addKey(value, String(part.key), structuredClone(get(part)));
      break;
    }
    case 8:
      set(slot, (c & 1) === 1 ? [value] : { [keys[d % keys.length]]: value });
      break;
    default:
      if (typeof value === 'string')
        set(
          slot,
          value.slice(0, c % (value.length + 1)) +
            String.fromCharCode(d) +
            value.slice(e % (value.length + 1)),
        );
      else if (typeof value === 'number') set(slot, value * (c - 128) + d / 8);
      else if (typeof value === 'boolean') set(slot, !value);
  }
  return tree;
}

function addKey(holder: unknown, key: string, value: unknown): void {
  if (Array.isArray(holder)) holder.push(value);
  else if (typeof holder === 'object' && holder !== null)
    Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

function misspelt(key: string, c: number, d: number): string {
  const at = c % (key.length + 1);
  return key.slice(0, at) + String.fromCharCode(d) + key.slice(at + (d & 1));
}

function renamed(holder: Record<string, unknown>, from: string, to: string): void {
  const value = holder[from];
  delete holder[from];
  addKey(holder, to, value);
}
