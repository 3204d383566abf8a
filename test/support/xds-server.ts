import { Server, ServerCredentials, type ServerDuplexStream, status } from '@grpc/grpc-js';
import type { ControlPlane } from './xds-control-plane.ts';

const service = '/envoy.service.discovery.v3.AggregatedDiscoveryService';
type Stream = ServerDuplexStream<Buffer, Buffer>;

/** A control plane of the model behind a real gRPC server on loopback. */
export interface XdsServer {
  /** `host:port`. */
  readonly address: string;
  /** Streams that are open. */
  readonly streams: ReadonlySet<Stream>;
  /** Ends all streams with UNAVAILABLE. */
  reset(): void;
  /** Sends bytes on each stream as they are. */
  sendRaw(message: Buffer): void;
  /** Ends the server and its connections. */
  stop(): void;
}

export async function startXdsServer(
  plane: ControlPlane,
  options: {
    readonly listen?: string;
    readonly credentials?: ServerCredentials;
    readonly methods?: 'both' | 'sotw';
  } = {},
): Promise<XdsServer> {
  const {
    listen = '127.0.0.1:0',
    credentials = ServerCredentials.createInsecure(),
    methods = 'both',
  } = options;
  const streams = new Set<Stream>();
  const server = new Server({ 'grpc.max_send_message_length': -1, 'grpc.max_receive_message_length': -1 });
  const handle = (stream: Stream): void => {
    streams.add(stream);
    const end = plane.open((message) => void stream.write(message));
    stream.on('data', (message: Buffer) => end.receive(message));
    stream.on('end', () => stream.end());
    const over = (): void => {
      end.close();
      streams.delete(stream);
    };
    for (const event of ['end', 'cancelled', 'close', 'error']) stream.on(event, over);
  };
  const method = (name: string) => ({
    path: `${service}/${name}`,
    requestStream: true,
    responseStream: true,
    requestSerialize: (bytes: Buffer) => bytes,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (bytes: Buffer) => bytes,
    responseDeserialize: (bytes: Buffer) => bytes,
  });
  const definition: Record<string, ReturnType<typeof method>> = {
    StreamAggregatedResources: method('StreamAggregatedResources'),
    ...(methods === 'both' ? { DeltaAggregatedResources: method('DeltaAggregatedResources') } : {}),
  };
  server.addService(definition, {
    StreamAggregatedResources: handle,
    DeltaAggregatedResources: handle,
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(listen, credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return {
    address: listen.startsWith('unix:') ? listen : `127.0.0.1:${port}`,
    streams,
    reset() {
      for (const stream of streams)
        stream.emit(
          'error',
          Object.assign(new Error('reset'), { code: status.UNAVAILABLE, details: 'reset' }),
        );
    },
    sendRaw(message) {
      for (const stream of streams) stream.write(message);
    },
    stop: () => server.forceShutdown(),
  };
}
