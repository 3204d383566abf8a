import { decodeGrpcMessage } from './grpc-message.ts';
import type { HeaderBlock } from './header-block.ts';
import { withoutUrlSecrets } from './query-redaction.ts';
import { RawField } from './raw-field.ts';
import { safeText } from './safe-text.ts';

/** Bytes of a status message, as it came over the wire, that are remembered of an attempt. */
export const statusMessageBytesMax = 512;
/** Characters of it that are shown: an escape of a control character takes six. */
export const statusMessageCharsMax = 1024;

/**
 * What an upstream says of its status (`grpc-message`), as the bytes that came, held as a latin1 string. A failing upstream may
 * send 60 KiB with every call, so no more is copied than is kept, and nothing is decoded before somebody asks.
 */
export class StatusMessage {
  /** One byte more than the limit where there was more. */
  private readonly raw: string;
  private readonly before: string;

  constructor(raw: string, before = '') {
    this.raw = raw;
    this.before = before;
  }

  /** Percent-decoded UTF-8 with control characters escaped, invalid bytes as U+FFFD, and an ellipsis where it was truncated. */
  toString(): string {
    const { raw, before } = this;
    if (raw.length <= statusMessageBytesMax) return before + shown(decodeGrpcMessage(raw));
    // A cut may have gone through an escape, or through a character.
    const whole = raw.slice(0, statusMessageBytesMax).replace(/%[0-9a-fA-F]?$/, '');
    return `${before}${shown(decodeGrpcMessage(whole).replace(/\ufffd{1,3}$/, ''))}…`;
  }

  toJSON(): string {
    return this.toString();
  }
}

function shown(decoded: string): string {
  const safe = safeText(withoutUrlSecrets(decoded));
  return safe.length <= statusMessageCharsMax ? safe : `${safe.slice(0, statusMessageCharsMax - 1)}…`;
}

/** The first field of a name as a status message, shown behind `before`; '' where there is none, or an empty one. */
export function statusMessageOf(block: HeaderBlock, name: string, before = ''): StatusMessage | '' {
  for (const field of block.allFields) {
    if (field.name !== name) continue;
    const raw = field instanceof RawField ? bytesOf(field) : beginning(field.value);
    return raw === '' ? '' : new StatusMessage(raw, before);
  }
  return '';
}

/** Copied in any case: the field stands on a block of the connection. */
function bytesOf({ chunk, start, length }: RawField): string {
  return chunk.bytes.toString('latin1', start, start + Math.min(length, statusMessageBytesMax + 1));
}

/** A copy where it is truncated: V8 lets a part of a string keep the whole of it alive. */
function beginning(value: string): string {
  if (value.length <= statusMessageBytesMax) return value;
  return Buffer.from(value.slice(0, statusMessageBytesMax + 1), 'latin1').toString('latin1');
}
