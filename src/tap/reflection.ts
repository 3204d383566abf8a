import { withAuthority } from '../call/outgoing-head.ts';
import { boundedText } from '../core/bounded-text.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { ErrorCode } from '../core/error-code.ts';
import { FieldKind } from '../core/field.ts';
import { GrpcStatus, grpcStatusName, parseGrpcStatus } from '../core/grpc-status.ts';
import { HeaderBlock } from '../core/header-block.ts';
import type { MessageStream, StreamFailure } from '../core/message-stream.ts';
import { safeText } from '../core/safe-text.ts';
import { statusMessageOf } from '../core/status-message.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import type { OpenFailure, StreamOpener } from '../upstream/stream-opener.ts';
import { descriptorBytesMax, reflectionTimeoutMs } from './limits.ts';
import { CaptureBudget, type CapturedMessage, MessageCapture } from './message-capture.ts';
import type { DialogueStep } from './reflection-dialogue.ts';

const versions = ['v1', 'v1alpha'] as const;

/** Who reads the answers: `DecoderThread`. They are untrusted and may be large, so that is not done here. */
export interface AnswerReader {
  reflect(name: string, service: string): Promise<DialogueStep>;
  reflected(name: string, answer: Uint8Array): Promise<DialogueStep>;
}

export interface ReflectionTask {
  readonly endpoint: Endpoint;
  readonly service: string;
  /** The name under which the reader keeps the definitions. */
  readonly name: string;
  readonly reader: AnswerReader;
  readonly clock: Clock;
}

/**
 * Has an endpoint describe a service, by gRPC Server Reflection: version v1, then v1alpha. The call takes a connection of the
 * endpoint's pool, with the TLS settings of its cluster. Returns what went wrong as a sentence, '' for nothing. Never rejects;
 * each version has `reflectionTimeoutMs`.
 */
export async function reflectService(task: ReflectionTask): Promise<string> {
  const { endpoint, name, service, reader } = task;
  for (const version of versions) {
    const { question, error = '' } = await reader.reflect(name, service);
    if (question === undefined) return error;
    const outcome = await new Promise<Outcome>((resolve) => {
      endpoint.pool.open(new ReflectionCall(task, version, question, resolve));
    });
    if (outcome !== unimplemented) return outcome;
  }
  return `${endpoint.address} does not offer the reflection service (grpc.reflection.v1 or v1alpha)`;
}

const unimplemented = Symbol('the server does not have this version');
type Outcome = string | typeof unimplemented;

/** One stream to a reflection service, which carries the questions and answers of a dialogue. */
class ReflectionCall implements StreamOpener {
  readonly clientAddress = '';
  readonly forwardsClient = false;
  private readonly task: ReflectionTask;
  private readonly version: string;
  private readonly question: Uint8Array;
  private readonly resolve: (outcome: Outcome) => void;
  private readonly timer: Timer;
  private stream: MessageStream | null = null;
  private isOver = false;
  private receivedBytes = 0;
  /** A question has no answer yet. */
  private isAsking = false;
  private readonly answers = new MessageCapture(
    true,
    { messagesMax: Number.POSITIVE_INFINITY, messageBytesMax: descriptorBytesMax },
    new CaptureBudget(descriptorBytesMax),
    (message) => void this.answered(message),
  );

  constructor(
    task: ReflectionTask,
    version: string,
    question: Uint8Array,
    resolve: (outcome: Outcome) => void,
  ) {
    this.task = task;
    this.version = version;
    this.question = question;
    this.resolve = resolve;
    this.timer = task.clock.after(reflectionTimeoutMs, () =>
      this.fail(`did not answer reflection within ${reflectionTimeoutMs / 1000} s`),
    );
  }

  opened(stream: MessageStream): void {
    this.stream = stream;
    const { endpoint } = this.task;
    const head = HeaderBlock.of(
      [':method', 'POST'],
      [':scheme', endpoint.dial.tls === null ? 'http' : 'https'],
      [':authority', ''],
      [':path', `/grpc.reflection.${this.version}.ServerReflection/ServerReflectionInfo`],
      ['content-type', 'application/grpc'],
      ['te', 'trailers'],
      ['user-agent', 'outrigger-tap'],
    );
    stream.head(withAuthority(head, endpoint), false);
    this.ask(this.question);
  }

  openFailed({ message }: OpenFailure): void {
    this.fail(`has no connection for reflection: ${message}`);
  }

  head(head: HeaderBlock, end: boolean): void {
    if (this.isOver) return;
    if (head.status === 404) return this.finish(unimplemented);
    if (head.status !== 200) return this.fail(`answered reflection with HTTP status ${head.status}`);
    if (end) this.ended(head);
  }

  data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    if (this.isOver) return;
    this.receivedBytes += end - start;
    if (this.receivedBytes > descriptorBytesMax)
      return this.fail(`sent more than ${descriptorBytesMax} bytes of definitions`);
    this.stream!.consumed(end - start);
    this.answers.add(bytes, start, end);
    if (last && !this.isOver) this.ended(null);
  }

  trailers(trailers: HeaderBlock): void {
    if (!this.isOver) this.ended(trailers);
  }

  failed({ message }: StreamFailure): void {
    this.fail(`ended the reflection call: ${message}`);
  }

  sent(): void {
    // A few bytes, for which no credit is due to anybody.
  }

  private async answered({ body, bytes, compressed }: CapturedMessage): Promise<void> {
    if (this.isOver) return;
    if (body === null)
      return this.fail(`sent a reflection answer of ${bytes} bytes, more than ${descriptorBytesMax}`);
    if (compressed) return this.fail('compressed its reflection answer, which was not negotiated');
    // A server may send answers of no bytes by the million; each of them would wait for the reader.
    if (!this.isAsking) return this.fail('sent more reflection answers than there were questions');
    this.isAsking = false;
    this.take(await this.task.reader.reflected(this.task.name, body));
  }

  private take({ question, isComplete, error }: DialogueStep): void {
    if (this.isOver) return;
    if (question !== undefined) this.ask(question);
    else if (isComplete) this.finish('');
    else this.finish(`${this.task.endpoint.address}: ${safeText(error ?? '')}`);
  }

  private ask(question: Uint8Array): void {
    this.isAsking = true;
    const frame = Buffer.alloc(5 + question.length);
    frame.writeUInt32BE(question.length, 1);
    frame.set(question, 5);
    this.stream!.data(frame, 0, frame.length, false);
  }

  /** The server has ended the call before all answers were there. */
  private ended(last: HeaderBlock | null): void {
    const status = last?.ofKind(FieldKind.GrpcStatus);
    const code = status === undefined ? GrpcStatus.UNKNOWN : parseGrpcStatus(status);
    if (code === GrpcStatus.UNIMPLEMENTED) return this.finish(unimplemented);
    const said = last === null ? '' : boundedText(statusMessageOf(last, 'grpc-message').toString(), 200);
    this.fail(`ended the reflection call with ${grpcStatusName(code)}${said === '' ? '' : `: ${said}`}`);
  }

  private fail(problem: string): void {
    this.finish(`${this.task.endpoint.address} ${problem}`);
  }

  private finish(outcome: Outcome): void {
    if (this.isOver) return;
    this.isOver = true;
    this.timer.cancel();
    if (this.stream === null) this.task.endpoint.pool.cancel(this);
    else this.stream.reset(ErrorCode.CANCEL);
    this.resolve(outcome);
  }
}
