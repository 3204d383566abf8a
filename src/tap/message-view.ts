import type { RequestView } from '../call/stage.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { Result } from '../core/result.ts';
import { chosenAttempt } from '../telemetry/call-status.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import type { EncodedMessage, MessageForm } from './decoder.ts';
import type { DecoderThread } from './decoder-thread.ts';
import type { ShownMessage } from './events.ts';
import { messageBytesMax } from './limits.ts';
import type { CapturedMessage } from './message-capture.ts';
import type { GivenSchema, Schemas } from './schemas.ts';
import type { Direction } from './tapped-call.ts';

/** A message that was captured, with the head that describes it; null where there was none. */
export interface MessageOf {
  readonly direction: Direction;
  readonly message: CapturedMessage;
  readonly head: HeaderBlock | null;
}

export interface MessageViewDeps {
  readonly thread: DecoderThread;
  readonly schemas: Schemas;
  /** Descriptors that the reader gave, which take the place of reflection; null for none. */
  readonly given: GivenSchema | null;
  readonly hidden: readonly string[];
  readonly revealed: readonly string[];
  /** Of messages, bytes. */
  readonly bytesMax: number;
}

const noDescriptors = 'give descriptors with --proto or --descriptor-set';

/** Makes what is shown of the messages of one call. */
export class MessageView {
  private readonly deps: MessageViewDeps;

  constructor(deps: MessageViewDeps) {
    this.deps = deps;
  }

  /** One for each message, in order. `problem` is called with what concerns more than one message. Never rejects. */
  async show(
    request: RequestView,
    messages: readonly MessageOf[],
    problem: (text: string) => void,
  ): Promise<ShownMessage[]> {
    const prepared = messages.map((one) => this.encoded(request, one));
    const jobs = prepared.flatMap((one) => (one.value === undefined ? [] : [one.value]));
    const decoded = jobs.length === 0 ? [] : await this.decoded(request, jobs, problem);
    let next = 0;
    return prepared.map(({ value, error }, i) => {
      const { index, bytes } = messages[i].message;
      if (value === undefined) return { index, bytes, problem: error };
      return { index, bytes, ...decoded[next++] };
    });
  }

  private async decoded(request: RequestView, jobs: EncodedMessage[], problem: (text: string) => void) {
    const { path } = request.requestHead;
    let schema = '';
    if (jobs.some(({ form }) => form === 'protobuf')) {
      const { value, error } = await this.schemaOf(request, path);
      if (error !== undefined) {
        problem(`messages of ${request.record.path.slice(1)} are not decoded: ${error}`);
        // The reason is long, and the same for all messages of the service.
        return jobs.map(() => ({ problem: 'was not decoded: descriptors of its type are not available' }));
      }
      schema = value;
    }
    const { thread, hidden, revealed } = this.deps;
    return thread.decode({ schema, path, messages: jobs, hidden, revealed });
  }

  private async schemaOf(request: RequestView, path: string): Promise<Result<string>> {
    const { given, schemas } = this.deps;
    if (given !== null) return given.name();
    const endpoint = endpointOf(request);
    if (endpoint === null)
      return { error: `no endpoint is available that has the descriptors; ${noDescriptors}` };
    const service = path.slice(1, Math.max(1, path.lastIndexOf('/')));
    const { value, error } = await schemas.reflected(request.cluster!.name, service, endpoint);
    return error === undefined ? { value } : { error: `${error}; ${noDescriptors}` };
  }

  /** What the decoder needs of a message; or why it is not decoded, as words after "the message". */
  private encoded(request: RequestView, { direction, message, head }: MessageOf): Result<EncodedMessage> {
    const { body, missing, compressed } = message;
    if (body === null) return { error: this.missingText(missing) };
    const grpc = request.traffic === 'grpc';
    const type = head?.get('content-type') ?? '';
    const form = grpc ? grpcForm(type) : jsonForm(type);
    if (form === null) return { error: `is of type "${type.slice(0, 100)}", which tap does not decode` };
    const coding = grpc ? 'grpc-encoding' : 'content-encoding';
    const encoding = !grpc || compressed ? (head?.get(coding) ?? '').trim().toLowerCase() : '';
    if (grpc && compressed && encoding === '')
      return { error: 'is marked as compressed, but its headers name no encoding' };
    return { value: { direction, form, encoding, body } };
  }

  private missingText(missing: CapturedMessage['missing']): string {
    const { bytesMax } = this.deps;
    if (missing === 'large')
      return bytesMax < messageBytesMax
        ? `is larger than ${bytesMax} bytes; raise max-message-bytes, up to ${messageBytesMax}`
        : `is larger than ${bytesMax} bytes, the maximum`;
    return missing === 'incomplete'
      ? 'was not complete when the call ended'
      : 'was not kept: tap uses all of its memory';
  }
}

/** `application/grpc+proto` and plain `application/grpc` are Protobuf; other codecs are named behind the `+`. */
function grpcForm(type: string): MessageForm | null {
  const codec = /^application\/grpc(?:\+([\w-]+))?/.exec(type)?.[1] ?? 'proto';
  if (codec === 'proto') return 'protobuf';
  return codec === 'json' ? 'json' : null;
}

function jsonForm(type: string): MessageForm | null {
  return /^application\/(?:[\w.-]+\+)?json\b/i.test(type) ? 'json' : null;
}

/** The endpoint that was asked, or one that could be. */
function endpointOf({ cluster, record }: RequestView): Endpoint | null {
  if (cluster === null) return null;
  const all = cluster.all();
  const address = chosenAttempt(record)?.endpoint;
  return all.find((one) => one.address === address) ?? all.find((one) => one.unusableBecause === '') ?? null;
}
