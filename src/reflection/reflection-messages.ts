import type { Result } from '../core/result.ts';
import { RawMessage } from './raw-message.ts';
import { wireTypes } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

/** What a client may ask a reflection service (grpc/reflection/v1/reflection.proto), as far as it is used here. */
export type ReflectionQuestion =
  | { readonly kind: 'services' }
  | { readonly kind: 'symbol' | 'file'; readonly name: string };

export type ReflectionAnswer =
  | { readonly kind: 'services'; readonly names: readonly string[] }
  | { readonly kind: 'files'; readonly files: readonly Buffer[] }
  | { readonly kind: 'error'; readonly code: number; readonly message: string }
  | { readonly kind: 'unknown' };

/** Numbers of the values of `ServerReflectionRequest`. */
const requestNumbers = { file: 3, symbol: 4, services: 7 } as const;
/** Numbers of the values of `ServerReflectionResponse`. */
const responseNumbers = { files: 4, services: 6, error: 7 } as const;

/** Services that one answer may list. */
const servicesMax = 10_000;
const messageCharsMax = 300;

export function encodeQuestion(question: ReflectionQuestion): Buffer {
  const text = question.kind === 'services' ? '' : question.name;
  return new WireWriter()
    .tag(requestNumbers[question.kind], wireTypes.bytes)
    .delimited(Buffer.from(text))
    .finish();
}

/** Reads a `ServerReflectionResponse`. */
export function parseAnswer(bytes: Buffer): Result<ReflectionAnswer> {
  try {
    return { value: answerOf(new RawMessage(bytes)) };
  } catch (error) {
    return { error: `the reflection service sent an invalid answer: ${(error as Error).message}` };
  }
}

function answerOf(response: RawMessage): ReflectionAnswer {
  const part = (number: number): RawMessage | undefined => {
    const bytes = response.parts(number).at(-1);
    return bytes === undefined ? undefined : new RawMessage(bytes);
  };
  const failed = part(responseNumbers.error);
  if (failed !== undefined) {
    const code = failed.int32(1);
    return { kind: 'error', code, message: failed.text(2).slice(0, messageCharsMax) || `error ${code}` };
  }
  const files = part(responseNumbers.files);
  if (files !== undefined) return { kind: 'files', files: files.parts(1) };
  const services = part(responseNumbers.services);
  if (services === undefined) return { kind: 'unknown' };
  const listed = services.parts(1).slice(0, servicesMax);
  return { kind: 'services', names: listed.map((service) => new RawMessage(service).text(1)) };
}
