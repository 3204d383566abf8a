/**
 * Text from outside as logs, terminals and error replies may show it. Left as they are, control characters move the cursor,
 * change the title of a terminal or begin a log line of their own; line separators end a line for some readers; and
 * bidirectional controls show a text in another order than it is in (Unicode Technical Report 36).
 */

const printableAscii = /^[\x20-\x7e]*$/;
/** C0, DEL and C1, the line and paragraph separators, bidirectional controls, and surrogates without their other half. */
const unsafe = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
/** The same without C0, which JSON escapes by itself. */
const unsafeInJson = /[\x7f-\x9f\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Escapes what is unsafe, as JavaScript and JSON write it: `\n`, `\u001b`. The same string where there is none. */
export function safeText(text: string): string {
  return printableAscii.test(text) ? text : text.replace(unsafe, escapeOf);
}

/** The same of a JSON text, which stays one of the same value. */
export function safeJson(json: string): string {
  return printableAscii.test(json) ? json : json.replace(unsafeInJson, escapeOf);
}

/** The same of a text of several lines, whose line feeds stay. */
export function safeLines(text: string): string {
  return printableAscii.test(text) ? text : text.replace(unsafe, (c) => (c === '\n' ? c : escapeOf(c)));
}

/** `mark` in place of each unsafe character, where an escape would move columns or is an escape of another kind. */
export function maskUnsafe(text: string, mark = '?'): string {
  return printableAscii.test(text) ? text : text.replace(unsafe, mark);
}

const shortEscapes: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

function escapeOf(character: string): string {
  return shortEscapes.get(character) ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
