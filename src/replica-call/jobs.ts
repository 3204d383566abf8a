import { Client, credentials, type Metadata, status } from '@grpc/grpc-js';
import { systemClock } from '../core/clock.ts';
import { pluralize } from '../core/pluralize.ts';
import type { DescriptorPool, ResolvedMethod } from '../reflection/descriptor-pool.ts';
import type { MethodDescriptor } from '../reflection/descriptors.ts';
import { emptyMessage } from '../reflection/empty-message.ts';
import type { Json } from '../reflection/json.ts';
import { ReflectionClient } from '../reflection/reflection-client.ts';
import { encodeRequests } from './encode-requests.ts';
import {
  listTimeMaxMs,
  messageBytesMax,
  methodsMax,
  replyLimits,
  servicesMax,
  templateCharsMax,
} from './limits.ts';
import { makeCall } from './make-call.ts';
import { type Headers, markedClientOptions, markedMetadata } from './mark.ts';
import { parseData } from './request-data.ts';
import { sampledTraceparent } from './trace-context.ts';

/** The way that a call takes. */
export interface CallWay {
  /** Address of a listener of this sidecar. */
  readonly target: string;
  /** Version of Outrigger, for the mark of the call. */
  readonly version: string;
  /** Headers of the operator, and the one that pins the call to an endpoint. */
  readonly headers: Headers;
}

export interface MethodsJob extends CallWay {
  readonly kind: 'methods';
}

export interface CallJob extends CallWay {
  readonly kind: 'call';
  /** `package.Service/Method`. */
  readonly method: string;
  /** The messages of the request: see `parseData`. */
  readonly data: string;
  readonly timeoutMs: number;
  readonly traceId: string;
}

export interface MethodEntry {
  readonly name: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  /** An empty message of the input type. */
  readonly template: Json;
}

export interface MethodsReport {
  readonly methods: readonly MethodEntry[];
  /** What is missing in the list, each as a sentence. */
  readonly problems: readonly string[];
}

export interface CallReport {
  /** Name of the gRPC status. */
  readonly status: string;
  readonly code: number;
  readonly details: string;
  readonly messages: readonly Json[];
  readonly trailers: Readonly<Record<string, readonly string[]>>;
  readonly durationMs: number;
  readonly traceId: string;
}

/** `isRequest`: the request of the operator is wrong, and not the replica. */
export type JobResult<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly value?: undefined; readonly error: string; readonly isRequest: boolean };

/** Lists the methods of a server by its reflection service. Never rejects. */
export function listMethods(job: MethodsJob): Promise<JobResult<MethodsReport>> {
  return withReflection<MethodsReport>(job, async ({ reflection }) => {
    const startMs = systemClock.now();
    const services = await reflection.listServices();
    if (services.value === undefined) return { error: withFix(services), isRequest: false };
    const list = new MethodList();
    for (const [i, service] of services.value.entries()) {
      const isLate = systemClock.now() - startMs > listTimeMaxMs;
      if (i >= servicesMax || list.isFull || isLate) {
        list.problems.push(`${pluralize(services.value.length - i, 'more service')} not listed`);
        break;
      }
      const { value: pool, error } = await reflection.describe(service);
      if (pool === undefined) list.problems.push(`${service}: ${error}`);
      else list.add(pool, service);
    }
    return { value: { methods: list.methods, problems: list.problems } };
  });
}

/** Makes a call, with the definition of the reflection service. Never rejects. */
export function callMethod(job: CallJob): Promise<JobResult<CallReport>> {
  const data = parseData(job.data);
  if (data.error !== undefined) return Promise.resolve(wrong(`The request is not valid: ${data.error}`));
  return withReflection<CallReport>(job, async ({ reflection, client, metadata }) => {
    const described = await reflection.describe(job.method.split('/')[0]);
    if (described.value === undefined) return { error: withFix(described), isRequest: false };
    const pool = described.value;
    const method = pool.method(job.method);
    if (method.error !== undefined) return wrong(method.error);
    const requests = encodeRequests(pool, method.value, data.value);
    if (requests.error !== undefined) return wrong(`The request${requests.error}`);
    metadata.set('traceparent', sampledTraceparent(job.traceId));
    return { value: await call(job, { client, metadata, pool, method: method.value }, requests.value) };
  });
}

interface Prepared {
  readonly client: Client;
  readonly metadata: Metadata;
  readonly pool: DescriptorPool;
  readonly method: ResolvedMethod;
}

async function call(
  { timeoutMs, traceId }: CallJob,
  prepared: Prepared,
  requests: readonly Buffer[],
): Promise<CallReport> {
  const messages: Json[] = [];
  const result = await makeCall({
    ...prepared,
    requests,
    timeoutMs,
    clock: systemClock,
    limits: replyLimits,
    onMessage: (message) => messages.push(message),
  });
  return { status: status[result.code] ?? String(result.code), ...result, messages, traceId };
}

interface Connected {
  readonly client: Client;
  readonly metadata: Metadata;
  readonly reflection: ReflectionClient;
}

async function withReflection<T>(
  { target, version, headers }: CallWay,
  use: (connected: Connected) => Promise<JobResult<T>>,
): Promise<JobResult<T>> {
  const metadata = markedMetadata(version, headers);
  if (metadata.error !== undefined) return wrong(`The metadata is not valid: ${metadata.error}`);
  const client = new Client(target, credentials.createInsecure(), {
    ...markedClientOptions(version),
    'grpc.max_receive_message_length': messageBytesMax,
  });
  try {
    const reflection = new ReflectionClient(client, systemClock, { metadata: metadata.value });
    return await use({ client, metadata: metadata.value, reflection });
  } finally {
    client.close();
  }
}

function wrong(error: string): JobResult<never> {
  return { error, isRequest: true };
}

/** What helps where a server has no reflection service. */
function withFix({ error, unsupported }: { readonly error: string; readonly unsupported: boolean }): string {
  return unsupported
    ? `${error}; let the server offer it, or use outrigger call with --proto FILE. A listener that routes services by name also needs a route for reflection (docs/call.md)`
    : error;
}

/** The methods of some services, with empty messages of their input types while there is room for them. */
class MethodList {
  readonly methods: MethodEntry[] = [];
  readonly problems: string[] = [];
  private templateChars = 0;

  get isFull(): boolean {
    return this.methods.length >= methodsMax;
  }

  add(pool: DescriptorPool, service: string): void {
    for (const method of pool.service(service)?.methods.values() ?? []) {
      if (this.isFull) return;
      const { name, requestStream, responseStream } = method;
      this.methods.push({ name, requestStream, responseStream, template: this.template(pool, method) });
    }
  }

  private template(pool: DescriptorPool, { name }: MethodDescriptor): Json {
    const { value: resolved } = pool.method(name);
    if (resolved === undefined || this.templateChars > templateCharsMax) return {};
    const template = emptyMessage(pool, resolved.input);
    this.templateChars += JSON.stringify(template).length;
    return template;
  }
}

/** Runs a job of either kind, for the thread. */
export function runJob(job: MethodsJob | CallJob): Promise<JobResult<MethodsReport | CallReport>> {
  return job.kind === 'methods' ? listMethods(job) : callMethod(job);
}
