import { FieldKind } from '../../core/field.ts';
import { HeaderBlock } from '../../core/header-block.ts';

const connectionSpecific = 1 << FieldKind.ConnectionSpecific;

/**
 * Returns a block that a module made in the place of `before`. Throws where it is none, holds what must not be sent (RFC 9113 section
 * 8.2), or does not fit the message: sent as it is, it would break the stream, and the endpoint or the client would be blamed.
 */
export function checkedBlock(block: unknown, before: HeaderBlock): HeaderBlock {
  if (block === before) return before;
  const checked = wellFormed(block, before.hasAny(connectionSpecific));
  if (pseudoHeaders(checked) !== pseudoHeaders(before))
    throw new TypeError('a head has other pseudo-headers than the one that it replaces');
  if (String(checked.all('content-length')) !== String(before.all('content-length')))
    throw new TypeError('a head has another content-length than the one that it replaces');
  if (checked.status !== before.status) checkStatus(checked);
  return checked;
}

/** Returns the head of a reply that a module gives itself, with this body. Throws as `checkedBlock` does. */
export function checkedReplyHead(block: unknown, body: Uint8Array | null): HeaderBlock {
  const head = wellFormed(block, false);
  if (pseudoHeaders(head) !== ':status')
    throw new TypeError('the head of a reply has one :status, and no other pseudo-header');
  checkStatus(head);
  const lengths = head.all('content-length');
  if (lengths.length > 0 && body !== null && String(lengths) !== String(body.length))
    throw new TypeError('a reply has another content-length than its body');
  return head;
}

function wellFormed(block: unknown, mayBeOfConnection: boolean): HeaderBlock {
  if (!(block instanceof HeaderBlock)) throw new TypeError('a head is no HeaderBlock');
  if (block.hasAny(1 << FieldKind.Malformed)) throw new TypeError('a header has a malformed name or value');
  if (!mayBeOfConnection && block.hasAny(connectionSpecific))
    throw new TypeError('a header belongs to the connection');
  return block;
}

/** The names of the pseudo-headers; those behind a header are malformed (RFC 9113 section 8.3), and appear with it. */
function pseudoHeaders(block: HeaderBlock): string {
  const names = block.allFields.map(({ name }) => name);
  const last = names.findLastIndex((name) => name.startsWith(':'));
  return names
    .slice(0, last + 1)
    .sort()
    .join(' ');
}

function checkStatus({ status }: HeaderBlock): void {
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new TypeError('the status of a reply is not from 200 to 599');
}
