let viewed: Uint8Array = new Uint8Array(0);
let view = new DataView(viewed.buffer);

/**
 * The bytes as words of four, which halves the time of hashing, comparing and copying them and more: a load costs the
 * same for one byte as for four. Nearly all are of the one shared read buffer, so the view of the latest is kept, and with
 * it one buffer of the process.
 */
export function viewOf(bytes: Uint8Array): DataView {
  if (bytes !== viewed) {
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    viewed = bytes;
  }
  return view;
}

/** Copies four bytes or more to `position` of `out`, where there is room, and returns where they end. */
export function copyWords(
  words: DataView,
  start: number,
  length: number,
  out: DataView,
  position: number,
): number {
  // The last word may overlap the one before it.
  const last = length - 4;
  for (let i = 0; i < last; i += 4) out.setInt32(position + i, words.getInt32(start + i));
  out.setInt32(position + last, words.getInt32(start + last));
  return position + length;
}
