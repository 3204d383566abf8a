import { createSecureContext } from 'node:tls';
import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  credentials,
  InterceptingCall,
  type Interceptor,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { boundedText, failureCharsMax } from '../../core/bounded-text.ts';
import { safeText } from '../../core/safe-text.ts';
import { clientTls } from '../../security/tls-files.ts';
import type { AdsSettings, AdsStream, AdsStreamHandlers, ControlPlaneTls } from './interface.ts';
import { requestBytesQueuedMax, responseBytesMax } from './limits.ts';

const service = '/envoy.service.discovery.v3.AggregatedDiscoveryService';
const methods = {
  sotw: `${service}/StreamAggregatedResources`,
  delta: `${service}/DeltaAggregatedResources`,
};

/**
 * An idle stream asks after its peer this often, milliseconds, and waits this long: a control plane whose machine is gone would
 * otherwise be noticed by nobody. Servers of grpc-go close the connection of a client that asks more often than every five minutes.
 */
const keepaliveMs = 310_000;
const keepaliveTimeoutMs = 20_000;

/**
 * Opens a stream of aggregated discovery over gRPC, on a connection of its own: the caller decides when the next attempt is made, and
 * reads the files of TLS anew for it. Throws with the name of the file if one cannot be read.
 */
export function openGrpcStream(settings: AdsSettings, handlers: AdsStreamHandlers): AdsStream {
  const client = new Client(settings.server, credentialsOf(settings.tls), {
    ...nameOptions(settings.tls),
    'grpc.max_receive_message_length': responseBytesMax,
    'grpc.max_send_message_length': -1,
    'grpc.keepalive_time_ms': keepaliveMs,
    'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    // Connections to control planes are made by this process itself, and no state of their back-off outlives them.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_http_proxy': 0,
    'grpc.enable_retries': 0,
  });
  return new GrpcStream(client, settings, handlers);
}

class GrpcStream implements AdsStream {
  private readonly client: Client;
  private readonly stream: ClientDuplexStream<Buffer, Buffer>;
  private readonly settings: AdsSettings;
  private readonly handlers: AdsStreamHandlers;
  private queuedBytes = 0;
  private over = false;
  private isPaused = false;
  private heldMessage: (() => void) | null = null;
  /**
   * Holds back a message while the stream is paused, so that gRPC reads no other one. `pause` of the Node stream would let it read 16
   * messages more, which may be large.
   */
  private readonly gate: Interceptor = (options, nextCall) =>
    new InterceptingCall(nextCall(options), {
      start: (metadata, _listener, next) =>
        next(metadata, {
          onReceiveMessage: (message, pass) => {
            if (this.isPaused) this.heldMessage = () => pass(message);
            else pass(message);
          },
        }),
    });

  constructor(client: Client, settings: AdsSettings, handlers: AdsStreamHandlers) {
    this.client = client;
    this.settings = settings;
    this.handlers = handlers;
    client.waitForReady(Number.POSITIVE_INFINITY, (error) => {
      if (error === undefined && !this.over) handlers.opened();
    });
    this.stream = client.makeBidiStreamRequest(
      settings.delta ? methods.delta : methods.sotw,
      (message: Buffer) => message,
      (message: Buffer) => message,
      new Metadata(),
      { interceptors: [this.gate] },
    );
    this.stream.on('data', (message: Buffer) => {
      if (!this.over) handlers.received(message);
    });
    this.stream.on('error', (error: ServiceError) => this.end(this.failureText(error)));
    this.stream.on('status', ({ code }) => {
      if (code === status.OK) this.end('the control plane ended the stream');
    });
  }

  send(message: Buffer): void {
    if (this.over) return;
    this.queuedBytes += message.length;
    if (this.queuedBytes > requestBytesQueuedMax) {
      this.end(
        `the control plane does not read: ${this.queuedBytes} bytes of requests wait, more than ${requestBytesQueuedMax} (requestBytesQueuedMax)`,
      );
      return;
    }
    this.stream.write(message, () => {
      this.queuedBytes -= message.length;
    });
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    const { heldMessage } = this;
    this.isPaused = false;
    this.heldMessage = null;
    heldMessage?.();
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    this.heldMessage = null;
    this.stream.cancel();
    this.client.close();
  }

  private end(reason: string): void {
    if (this.over) return;
    this.close();
    this.handlers.ended(reason);
  }

  private failureText({ code, details }: ServiceError): string {
    const name = status[code] ?? `status ${code}`;
    return safeText(
      boundedText(`${name}: ${plainDetails(details ?? '')}${this.hint(code)}`, failureCharsMax),
    );
  }

  private hint(code: number): string {
    if (code === status.UNIMPLEMENTED)
      return this.settings.delta
        ? '; the control plane has no delta ADS: set `xds.delta` to false'
        : '; the server has no aggregated discovery service (ADS, v3): check that `xds.server` is the control plane';
    if (code === status.RESOURCE_EXHAUSTED)
      return `; a response may have ${responseBytesMax} bytes (responseBytesMax)`;
    return '';
  }
}

/** Without what grpc-js puts around the error of the system. */
function plainDetails(details: string): string {
  return details
    .replace(/^No connection established\. Last error: (?:Error: )?/, '')
    .replace(/\.? ?Resolution note: ?$/, '');
}

function credentialsOf(tls: ControlPlaneTls | null): ChannelCredentials {
  if (tls === null) return credentials.createInsecure();
  const { serverName: _, ...files } = tls;
  return credentials.createFromSecureContext(createSecureContext(clientTls(files, undefined)));
}

/** The name that the certificate must have, and that the request names as its host. */
function nameOptions(tls: ControlPlaneTls | null): Record<string, string> {
  if (tls === null || tls.serverName === '') return {};
  return { 'grpc.ssl_target_name_override': tls.serverName, 'grpc.default_authority': tls.serverName };
}
