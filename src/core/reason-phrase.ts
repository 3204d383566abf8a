import type { HeaderBlock } from './header-block.ts';

/** The reason phrases of HTTP/1.1 replies that said more than their status does; HTTP/2 has none (RFC 9113 section 8.3.2). */
const phrases = new WeakMap<HeaderBlock, string>();

/** Bytes of it that are kept. */
export const reasonPhraseBytesMax = 256;

/** Notes the phrase of an error reply where it is not the usual one of its status. */
export function noteReasonPhrase(head: HeaderBlock, phrase: string, usual: string | undefined): void {
  if (head.status < 400 || phrase === '' || phrase === usual) return;
  phrases.set(head, phrase.slice(0, reasonPhraseBytesMax));
}

/** The phrase of a reply, '' where it had none or the usual one. */
export function reasonPhraseOf(head: HeaderBlock): string {
  return phrases.get(head) ?? '';
}
