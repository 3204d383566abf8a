import * as grpc from '@grpc/grpc-js';
import { type EchoOptions, type EchoReply, type EchoRequest, echoService } from '../../support/protos.ts';
import { caseHeader } from './services.ts';
import { newTrace, type ServiceSpan, type SpanContext, traceparent, wallMs } from './spans.ts';

/** What a client of `payments` asks for. */
export interface PaymentCall {
  readonly method: 'Unary' | 'Bidi' | 'ServerStream';
  readonly options?: EchoOptions;
  /** Messages that it sends; 1 where unset. */
  readonly messages?: number;
  readonly deadlineMs?: number;
  /** Which route of the outbound listener takes it. */
  readonly route?: string;
}

export interface TracedCall {
  readonly trace: SpanContext;
  readonly code: grpc.status;
  readonly replies: number;
  /** The CLIENT span of `orders`. */
  readonly span: ServiceSpan;
}

/** The service `orders` as a client: each call is the root of a trace. */
export class Orders {
  private readonly client: grpc.Client;

  constructor(outbound: string) {
    this.client = new grpc.Client(outbound, grpc.credentials.createInsecure());
  }

  async call(asked: PaymentCall): Promise<TracedCall> {
    const trace = newTrace();
    const metadata = new grpc.Metadata();
    metadata.set('traceparent', traceparent(trace));
    if (asked.route !== undefined) metadata.set(caseHeader, asked.route);
    const startMs = wallMs();
    const { code, replies } = await this.send(asked, metadata);
    const span: ServiceSpan = {
      service: 'orders',
      ...trace,
      parentSpanId: '',
      name: echoService[asked.method].path.slice(1),
      kind: 'client',
      startMs,
      endMs: wallMs(),
      failed: code !== grpc.status.OK,
    };
    return { trace, code, replies, span };
  }

  private send({ method, options, messages = 1, deadlineMs }: PaymentCall, metadata: grpc.Metadata) {
    const { path, requestSerialize, responseDeserialize } = echoService[method];
    const call = this.client.makeBidiStreamRequest<EchoRequest, EchoReply>(
      path,
      requestSerialize as (request: EchoRequest) => Buffer,
      responseDeserialize as (bytes: Buffer) => EchoReply,
      metadata,
      deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs },
    );
    let replies = 0;
    call.on('data', () => replies++);
    call.on('error', () => {}); // the status says the same
    for (let i = 0; i < messages; i++)
      call.write({ payload: Buffer.from(`payment ${i}`), options: options ?? null });
    call.end();
    return new Promise<{ code: grpc.status; replies: number }>((resolve) => {
      call.on('status', ({ code }: grpc.StatusObject) => setImmediate(() => resolve({ code, replies })));
    });
  }

  close(): void {
    this.client.close();
  }
}
