import { hash32 } from './hash.ts';
import { hex32 } from './hex.ts';
import { processSecret } from './random.ts';

/**
 * The id of a call as clients see it in an error reply: `7f3a-1c09d2e4`. The part before the dash is of this process, so that
 * another sidecar knows that the call is not one of its own; the part behind it is the number of the call, encrypted, so that
 * no client learns how many calls there are.
 */

const words = new DataView(processSecret.buffer, processSecret.byteOffset, processSecret.byteLength);
const processTag = hex32(words.getInt32(0)).slice(0, 4);
/** Keys of the rounds. */
const keys = [4, 8, 12, 16].map((at) => words.getInt32(at));

/** Returns the reference of the call with this id. */
export function callReference(id: number): string {
  return `${processTag}-${hex32(encrypt(id | 0))}`;
}

/** Whether a text has the form of a reference, of this process or of another. */
export function isCallReference(text: string): boolean {
  return /^[0-9a-f]{4}-[0-9a-f]{8}$/i.test(text);
}

/** Returns the id that a reference stands for, as 32 bits; null where the reference is of another process. */
export function idOfReference(text: string): number | null {
  const [tag, encrypted] = text.toLowerCase().split('-');
  return tag === processTag ? decrypt(Number.parseInt(encrypted, 16)) >>> 0 : null;
}

/** A Feistel network over two halves of 16 bits: one to one, whatever the rounds do. */
function encrypt(word: number): number {
  let left = word >>> 16;
  let right = word & 0xffff;
  for (const key of keys) [left, right] = [right, left ^ round(right, key)];
  return (left << 16) | right;
}

function decrypt(word: number): number {
  let left = (word >>> 16) & 0xffff;
  let right = word & 0xffff;
  for (const key of keys.toReversed()) [left, right] = [right ^ round(left, key), left];
  return (left << 16) | right;
}

function round(half: number, key: number): number {
  return hash32(String.fromCharCode(half & 0xff, half >>> 8), key) & 0xffff;
}
