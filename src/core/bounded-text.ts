/** Characters kept of why a connection failed: a certificate with many names makes a long sentence of that. */
export const failureCharsMax = 400;

/**
 * The text as it is kept and shown: of one that is longer than `charsMax`, the beginning and an ellipsis, `charsMax`
 * characters together. What peers send may be as long as their limits allow, and is remembered in lists, labels and logs.
 */
export function boundedText(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : truncate(text, charsMax);
}

function truncate(text: string, charsMax: number): string {
  let end = charsMax - 1;
  // Not between the two halves of a character outside the basic plane.
  if (isHighSurrogate(text.charCodeAt(end - 1))) end--;
  return ownText(`${text.slice(0, end)}…`);
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

/** A copy: V8 lets a part of a string keep the whole of it alive, which a peer may have made large. */
export function ownText(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}
