import type { Client, ClientReadableStream, ClientUnaryCall, ServiceError } from '@grpc/grpc-js';
import type { Address } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import { GrpcStatus, grpcStatusName } from '../core/grpc-status.ts';
import { connectHealthClient, type HealthProtocol, loadHealthProtocol } from './grpc-health-client.ts';
import type { HealthCheckResponse } from './health-messages.ts';
import { failureReason, type Probe, type ProbeResult, type ProbeTls, timedOut } from './probe.ts';

export interface GrpcProbeSettings {
  /** Full name of a service; '' asks for the server as a whole. */
  readonly service: string;
  /** `watch`: the server says each change at once, besides the probes, which see that it still answers. */
  readonly mode: 'check' | 'watch';
  readonly tls?: ProbeTls;
}

/**
 * `grpc.health.v1.Health/Check` on a connection of its own, which is kept between probes. After a failure it is
 * given up and the next probe connects anew, so that grpc-js' own reconnect back-off (1 s to 120 s) never stands
 * between a replica that returned and the probe that would see it.
 */
export function grpcProbe(address: Address, clock: Clock, settings: GrpcProbeSettings): Probe {
  return new GrpcProbe(address, clock, settings);
}

class GrpcProbe implements Probe {
  private readonly address: Address;
  private readonly clock: Clock;
  private readonly settings: GrpcProbeSettings;
  private tell: ((result: ProbeResult) => void) | null = null;
  private client: Client | null = null;
  private call: ClientUnaryCall | null = null;
  private watch: ClientReadableStream<HealthCheckResponse> | null = null;
  /** False once the server has said that it knows no Watch: then Check alone must do. */
  private mayWatch: boolean;
  private closed = false;

  constructor(address: Address, clock: Clock, settings: GrpcProbeSettings) {
    this.address = address;
    this.clock = clock;
    this.settings = settings;
    this.mayWatch = settings.mode === 'watch';
  }

  listen(tell: (result: ProbeResult) => void): void {
    this.tell = tell;
  }

  async check(timeoutMs: number): Promise<ProbeResult> {
    const protocol = await loadHealthProtocol();
    if (this.closed) return { verdict: 'failed', reason: 'given up' };
    const result = await this.ask(protocol, timeoutMs);
    this.call = null;
    if (result.verdict === 'failed') this.disconnect();
    else if (this.mayWatch && this.watch === null && this.client !== null) this.open(protocol, this.client);
    return result;
  }

  close(): void {
    this.closed = true;
    this.disconnect();
  }

  private ask({ grpc, check }: HealthProtocol, timeoutMs: number): Promise<ProbeResult> {
    this.client ??= connectHealthClient(grpc, this.address, this.settings.tls);
    const connected = this.client;
    return new Promise((resolve) => {
      this.call = connected.makeUnaryRequest(
        check.path,
        check.requestSerialize,
        check.responseDeserialize,
        this.request,
        new grpc.Metadata(),
        { deadline: this.clock.wallMs() + timeoutMs },
        (error, response) => resolve(error ? resultOfError(error, timeoutMs) : resultOfResponse(response)),
      );
    });
  }

  /** An empty name is proto3's default, and is left out of the message as other clients do. */
  private get request(): { readonly service?: string } {
    return this.settings.service === '' ? {} : { service: this.settings.service };
  }

  private open({ grpc, watch }: HealthProtocol, client: Client): void {
    const stream = client.makeServerStreamRequest(
      watch.path,
      watch.requestSerialize,
      watch.responseDeserialize,
      this.request,
      new grpc.Metadata(),
    );
    this.watch = stream;
    stream.on('data', (response: HealthCheckResponse) => {
      if (this.watch === stream) this.tell?.(resultOfResponse(response));
    });
    // It need not be the last that is heard of it, and without anybody to hear it would end the process.
    stream.on('error', (error: ServiceError) => this.watchEnded(stream, error));
    stream.on('end', () => this.watchEnded(stream, null));
  }

  private watchEnded(stream: ClientReadableStream<HealthCheckResponse>, error: ServiceError | null): void {
    if (this.watch !== stream) return;
    this.watch = null;
    if (error?.code === GrpcStatus.UNIMPLEMENTED) {
      this.mayWatch = false;
      return;
    }
    const how = error === null ? 'without a status' : resultOfError(error, 0).reason;
    // A probe follows soon, and finds out what that means.
    this.tell?.({ verdict: 'failed', reason: `Health/Watch ended: ${how}` });
  }

  private disconnect(): void {
    const { watch } = this;
    this.watch = null;
    watch?.cancel();
    this.call?.cancel();
    this.client?.close();
    this.client = null;
    this.call = null;
  }
}

const saidUnhealthy: ReadonlySet<unknown> = new Set(['UNKNOWN', 'NOT_SERVING', 'SERVICE_UNKNOWN']);

function resultOfResponse(response: HealthCheckResponse | undefined): ProbeResult {
  const status = response?.status;
  if (status === 'SERVING') return { verdict: 'healthy', reason: status };
  if (saidUnhealthy.has(status)) return { verdict: 'unhealthy_now', reason: String(status) };
  return {
    verdict: 'failed',
    reason: `its health service answers with status ${status}, which does not exist`,
  };
}

function resultOfError(error: ServiceError, timeoutMs: number): ProbeResult {
  switch (error.code) {
    case GrpcStatus.UNIMPLEMENTED:
      return { verdict: 'unimplemented', reason: 'no health service (UNIMPLEMENTED)' };
    case GrpcStatus.NOT_FOUND:
      return { verdict: 'unhealthy_now', reason: 'the server does not know the service (NOT_FOUND)' };
    case GrpcStatus.DEADLINE_EXCEEDED:
      return timedOut(timeoutMs);
    default: {
      const details = failureReason(error.details);
      // A refused connection needs no status before it; what a server answered does.
      const ownWords = error.code === GrpcStatus.UNAVAILABLE && details !== error.details;
      return { verdict: 'failed', reason: ownWords ? details : `${grpcStatusName(error.code)}: ${details}` };
    }
  }
}
