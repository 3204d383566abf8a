import { type Client, type ClientDuplexStream, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { Clock } from '../core/clock.ts';
import type { Result } from '../core/result.ts';
import { DescriptorPool, descriptorFilesMax } from './descriptor-pool.ts';
import {
  encodeQuestion,
  parseAnswer,
  type ReflectionAnswer,
  type ReflectionQuestion,
} from './reflection-messages.ts';

/** Names of the service, the newest first. Their messages are the same. */
const serviceNames = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'];

export const reflectionTimeoutMs = 5_000;

export interface ReflectionSettings {
  /** Sent with each question, such as `authorization`. */
  readonly metadata?: Metadata;
  /** For all questions of one method together, milliseconds. */
  readonly timeoutMs?: number;
}

/** A problem, and whether the server lacks the service, so that asking again is of no use. */
export type ReflectionResult<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly value?: undefined; readonly error: string; readonly unsupported: boolean };

/**
 * A client of the reflection service of a gRPC server, v1 and v1alpha. Bounded in time, in the number of files and in bytes;
 * what the server answers is checked, not believed.
 *
 * @example
 * const client = new Client('127.0.0.1:50051', credentials.createInsecure());
 * const { value: pool } = await new ReflectionClient(client, systemClock).describe('helloworld.Greeter');
 * pool?.method('helloworld.Greeter/SayHello');
 */
export class ReflectionClient {
  private readonly client: Client;
  private readonly clock: Clock;
  private readonly settings: ReflectionSettings;

  constructor(client: Client, clock: Clock, settings: ReflectionSettings = {}) {
    this.client = client;
    this.clock = clock;
    this.settings = settings;
  }

  /** Returns the full names of the services that the server has, sorted. */
  listServices(): Promise<ReflectionResult<readonly string[]>> {
    return this.withSession(async (session) => {
      const answer = await session.ask({ kind: 'services' });
      if (answer.error !== undefined) return answer;
      if (answer.value.kind !== 'services') return unexpected(answer.value);
      return { value: [...new Set(answer.value.names)].sort() };
    });
  }

  /** Returns the definition of a service, message or enum by its full name, with all files that it imports. */
  describe(symbol: string): Promise<ReflectionResult<DescriptorPool>> {
    return this.withSession(async (session) => {
      const pool = new DescriptorPool();
      const answer = await session.ask({ kind: 'symbol', name: symbol });
      if (answer.value === undefined) return answer;
      const problem = addAnswer(pool, answer.value);
      if (problem !== '') return { error: problem };
      // A server may leave out files that it does not have: only a type of such a file is then missing.
      const requested = new Set<string>();
      for (;;) {
        const name = pool.missingFile(requested);
        if (name === undefined) return { value: pool };
        if (requested.size >= descriptorFilesMax)
          return { error: `the definitions have more than ${descriptorFilesMax} files` };
        requested.add(name);
        const { value, error } = await session.ask({ kind: 'file', name });
        if (value === undefined) return { error };
        const invalid = value.kind === 'error' ? '' : addAnswer(pool, value);
        if (invalid !== '') return { error: invalid };
      }
    });
  }

  /** Runs `use` with v1, and with v1alpha if the server does not have v1. */
  private async withSession<T>(use: (session: Session) => Promise<Result<T>>): Promise<ReflectionResult<T>> {
    const { metadata = new Metadata(), timeoutMs = reflectionTimeoutMs } = this.settings;
    const deadline = new Date(this.clock.wallMs() + timeoutMs);
    let details = '';
    for (const name of serviceNames) {
      const stream = this.client.makeBidiStreamRequest(
        `/${name}/ServerReflectionInfo`,
        (bytes: Buffer) => bytes,
        (bytes: Buffer) => bytes,
        metadata,
        { deadline },
      );
      const session = new Session(stream);
      const result = await use(session);
      session.close();
      if (!session.unsupported)
        return result.error === undefined ? result : { error: result.error, unsupported: false };
      details ||= session.details;
    }
    return {
      error: `the server does not offer the reflection service (grpc.reflection.v1 or v1alpha)${details === '' ? '' : `; it answered: ${details}`}`,
      unsupported: true,
    };
  }
}

/** Adds the files of an answer. Returns the problem, '' for none. */
function addAnswer(pool: DescriptorPool, answer: ReflectionAnswer): string {
  if (answer.kind !== 'files') return unexpected(answer).error;
  for (const file of answer.files) {
    const problem = pool.add(file);
    if (problem !== '') return `the reflection service sent an invalid answer: ${problem}`;
  }
  return '';
}

function unexpected(answer: ReflectionAnswer): { readonly error: string } {
  if (answer.kind === 'error') return { error: `the reflection service answered: ${answer.message}` };
  return { error: 'the reflection service sent an invalid answer: it does not match the question' };
}

const detailsCharsMax = 300;

/** One stream of the service, with one question at a time. */
class Session {
  unsupported = false;
  details = '';
  open = true;
  private readonly stream: ClientDuplexStream<Buffer, Buffer>;
  private waiting: ((answer: Result<ReflectionAnswer>) => void) | null = null;
  private problem = '';

  constructor(stream: ClientDuplexStream<Buffer, Buffer>) {
    this.stream = stream;
    stream.on('data', (bytes: Buffer) => this.answer(parseAnswer(bytes)));
    stream.on('error', (error: ServiceError) => this.fail(error));
    stream.on('end', () => this.end('the reflection service ended its stream without an answer'));
  }

  ask(question: ReflectionQuestion): Promise<Result<ReflectionAnswer>> {
    if (!this.open) return Promise.resolve({ error: this.problem });
    return new Promise((resolve) => {
      this.waiting = resolve;
      this.stream.write(encodeQuestion(question));
    });
  }

  close(): void {
    this.open = false;
    this.stream.cancel();
  }

  private fail(error: ServiceError): void {
    this.unsupported = error.code === status.UNIMPLEMENTED;
    this.details = (error.details ?? '').slice(0, detailsCharsMax);
    this.end(
      error.code === status.DEADLINE_EXCEEDED
        ? 'the reflection service did not answer in time'
        : `the reflection service failed with ${status[error.code] ?? error.code}: ${this.details}`,
    );
  }

  private end(problem: string): void {
    this.open = false;
    this.problem ||= problem;
    this.answer({ error: this.problem });
  }

  private answer(answer: Result<ReflectionAnswer>): void {
    const { waiting } = this;
    this.waiting = null;
    waiting?.(answer);
  }
}
