/** One length-prefixed message of a gRPC stream. */
export interface Message {
  readonly compressed: boolean;
  readonly bytes: Buffer;
}

const prefixBytes = 5;

/** The whole messages at the beginning of what came, and the bytes after them. */
export function splitMessages(bytes: Buffer): { messages: Message[]; rest: Buffer } {
  const messages: Message[] = [];
  let at = 0;
  while (bytes.length - at >= prefixBytes) {
    const end = at + prefixBytes + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) break;
    messages.push({ compressed: bytes[at] === 1, bytes: bytes.subarray(at + prefixBytes, end) });
    at = end;
  }
  return { messages, rest: bytes.subarray(at) };
}

/** A message with its prefix. */
export function frameMessage(bytes: Uint8Array, compressed = false): Buffer {
  const prefix = Buffer.alloc(prefixBytes);
  prefix[0] = compressed ? 1 : 0;
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}
