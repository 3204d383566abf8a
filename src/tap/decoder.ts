import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { boundedText } from '../core/bounded-text.ts';
import type { Result } from '../core/result.ts';
import type { DescriptorPool } from '../reflection/descriptor-pool.ts';
import { poolOfDescriptorSet } from '../reflection/descriptor-set.ts';
import type { Json } from '../reflection/json.ts';
import { messageToJson } from '../reflection/message-to-json.ts';
import { decodedValuesMax, inflatedBytesMax } from './limits.ts';
import { MessageRoom, Redaction } from './redaction.ts';
import { type DialogueStep, ReflectionDialogue } from './reflection-dialogue.ts';

/** What the bytes of a message are. */
export type MessageForm = 'protobuf' | 'json';

/** One message to decode. */
export interface EncodedMessage {
  readonly direction: 'request' | 'response';
  readonly form: MessageForm;
  /** Content coding of the bytes; '' for none. */
  readonly encoding: string;
  readonly body: Uint8Array;
}

export interface DecodeJob {
  /** The definitions to use (`Decoder.load`, `Decoder.reflect`); '' where none are needed. */
  readonly schema: string;
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly messages: readonly EncodedMessage[];
  readonly hidden: readonly string[];
  readonly revealed: readonly string[];
}

/** A message as it may be shown, secrets masked; or why it was not decoded, as words after "the message". */
export type DecodedMessage = { readonly json: unknown } | { readonly problem: string };

/** Decodes messages by the definitions that it was given. Runs in a thread of its own: what it reads is untrusted, and may be large. */
export class Decoder {
  private readonly schemas = new Map<string, DescriptorPool>();
  private readonly dialogues = new Map<string, ReflectionDialogue>();

  /** Loads a `FileDescriptorSet` under a name. Returns what is wrong as a sentence, '' for nothing. */
  load(name: string, set: Uint8Array): string {
    const { value, error } = poolOfDescriptorSet(bufferOf(set));
    if (value !== undefined) this.schemas.set(name, value);
    return error ?? '';
  }

  /** Begins to load a service by reflection under a name; the caller carries questions and answers. */
  reflect(name: string, service: string): DialogueStep {
    const dialogue = new ReflectionDialogue(service);
    this.dialogues.set(name, dialogue);
    return dialogue.begin();
  }

  reflected(name: string, answer: Uint8Array): DialogueStep {
    const dialogue = this.dialogues.get(name);
    if (dialogue === undefined) return { error: 'the reflection was stopped' };
    const step = dialogue.answered(bufferOf(answer));
    if (step.question === undefined) this.dialogues.delete(name);
    if (step.isComplete) this.schemas.set(name, dialogue.pool);
    return step;
  }

  drop(name: string): void {
    this.schemas.delete(name);
    this.dialogues.delete(name);
  }

  /** Decodes each message. Never throws. */
  decode({ schema, path, messages, hidden, revealed }: DecodeJob): DecodedMessage[] {
    const redaction = new Redaction(hidden, revealed);
    const room = new MessageRoom();
    return messages.map((message) => {
      if (room.isFull) return { problem: 'is not shown: the messages before it are too large' };
      const plain = decompress(message.body, message.encoding);
      if (plain.error !== undefined) return { problem: plain.error };
      const { value, error } =
        message.form === 'json'
          ? jsonOf(plain.value)
          : this.protobuf(schema, path, message.direction, plain.value);
      return error === undefined ? { json: redaction.message(value, room) } : { problem: error };
    });
  }

  private protobuf(
    schema: string,
    path: string,
    direction: EncodedMessage['direction'],
    bytes: Buffer,
  ): Result<Json> {
    const pool = this.schemas.get(schema);
    if (pool === undefined) return { error: 'has no definition' };
    const { value: method, error } = pool.method(path);
    if (error !== undefined) return { error: `has no definition: ${error}` };
    const type = direction === 'request' ? method.input : method.output;
    const decoded = messageToJson(pool, type, bytes, decodedValuesMax);
    return decoded.error === undefined ? decoded : { error: `was not decoded: ${decoded.error}` };
  }
}

function jsonOf(bytes: Buffer): Result<Json> {
  try {
    return { value: JSON.parse(bytes.toString('utf8')) as Json };
  } catch {
    return { error: 'is no JSON, as its content type says it is' };
  }
}

/** Undoes a content coding within a limit, so that a small message cannot become a huge one. */
function decompress(body: Uint8Array, encoding: string): Result<Buffer> {
  const limits = { maxOutputLength: inflatedBytesMax };
  try {
    switch (encoding) {
      case '':
      case 'identity':
        return { value: bufferOf(body) };
      case 'gzip':
      case 'x-gzip':
        return { value: gunzipSync(body, limits) };
      case 'deflate':
        return { value: inflateSync(body, limits) };
      case 'br':
        return { value: brotliDecompressSync(body, limits) };
    }
  } catch (error) {
    const isLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    return {
      error: isLarge
        ? `has more than ${inflatedBytesMax} bytes after decompression`
        : `is not compressed with ${encoding}, as its headers declare`,
    };
  }
  return { error: `is compressed with ${boundedText(encoding, 40)}, which tap cannot decompress` };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
