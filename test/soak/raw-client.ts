import { connect } from 'node:net';
import { systemClock } from '../../src/core/clock.ts';
import { HeaderBlock } from '../../src/core/header-block.ts';
import type { StreamReceiver } from '../../src/core/message-stream.ts';
import { bindHttp2 } from '../../src/http2/bind.ts';
import { connectionDefaults } from '../../src/http2/options.ts';
import { FlushScheduler } from '../../src/transport/flush-scheduler.ts';
import { grpcMessage } from '../support/raw-http2.ts';

/** How a call of the raw client went. */
export interface RawResult {
  /** The gRPC status; -1 where none came. */
  readonly code: number;
  readonly details: string;
  readonly replyBytes: number;
}

/** One connection of our own engine as a client. */
export interface RawClient {
  /** A unary call with this message; the path without its slash is the method. */
  unary(path: string, message: Uint8Array, traceparent: string): Promise<RawResult>;
  close(): void;
}

export function connectRaw(target: string): RawClient {
  const [host, port] = target.split(':');
  const binding = bindHttp2(
    connect({ host, port: Number(port) }),
    'client',
    connectionDefaults,
    { clock: systemClock, scheduler: new FlushScheduler() },
    { ended: () => {} },
  );
  binding.start();
  return {
    unary(path, message, traceparent) {
      return new Promise((resolve) => {
        let replyBytes = 0;
        const done = (head: HeaderBlock): void => {
          const value = (name: string) => head.allFields.find((field) => field.name === name)?.value;
          const code = Number(value('grpc-status') ?? -1);
          resolve({ code, details: value('grpc-message') ?? '', replyBytes });
        };
        const receiver: StreamReceiver = {
          head: (head, end) => end && done(head),
          data(_bytes, start, end) {
            replyBytes += end - start;
            stream?.consumed(end - start);
          },
          trailers: done,
          failed: (failure) => resolve({ code: -1, details: failure.message, replyBytes }),
          sent: () => {},
        };
        const stream = binding.connection.open(receiver);
        if (stream === null)
          return resolve({ code: -1, details: 'the connection takes no stream', replyBytes });
        stream.head(
          HeaderBlock.of(
            [':method', 'POST'],
            [':scheme', 'http'],
            [':authority', target],
            [':path', path],
            ['content-type', 'application/grpc'],
            ['te', 'trailers'],
            ['traceparent', traceparent],
          ),
          false,
        );
        const body = grpcMessage(message);
        stream.data(body, 0, body.length, true);
      });
    },
    close: () => binding.destroy('the soak is over'),
  };
}
