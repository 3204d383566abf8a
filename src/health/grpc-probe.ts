import { isIP } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { ChannelOptions, Client, ClientUnaryCall, MethodDefinition, ServiceError } from '@grpc/grpc-js';
import { type Address, formatAddress } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import { GrpcStatus, grpcStatusName } from '../core/grpc-status.ts';
import { failureReason, type Probe, type ProbeResult, type ProbeTls, timedOut } from './probe.ts';

export interface GrpcProbeSettings {
  /** Full name of a service; '' asks for the server as a whole. */
  readonly service: string;
  readonly tls?: ProbeTls;
}

interface HealthCheckRequest {
  readonly service?: string;
}
interface HealthCheckResponse {
  readonly status: string;
}
type Grpc = typeof import('@grpc/grpc-js');
type Check = MethodDefinition<HealthCheckRequest, HealthCheckResponse>;

/** A channel that probes one address and does nothing else: no retries, no service config, no shared connection, no proxy from the environment. */
const channelOptions: ChannelOptions = {
  'grpc.primary_user_agent': 'outrigger-health',
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_channelz': 0,
  'grpc.max_receive_message_length': 64 * 1024,
};

/**
 * `grpc.health.v1.Health/Check` on a connection of its own, which is kept between probes. After a failure it is
 * given up and the next probe connects anew, so that grpc-js' own reconnect back-off (1 s to 120 s) never stands
 * between a replica that returned and the probe that would see it.
 */
export function grpcProbe(address: Address, clock: Clock, settings: GrpcProbeSettings): Probe {
  let client: Client | null = null;
  let call: ClientUnaryCall | null = null;
  let closed = false;
  const disconnect = (): void => {
    call?.cancel();
    client?.close();
    client = null;
    call = null;
  };
  return {
    async check(timeoutMs) {
      const { grpc, check } = await load();
      if (closed) return { verdict: 'failed', reason: 'given up' };
      client ??= connect(grpc, address, settings.tls);
      const connected = client;
      const result = await new Promise<ProbeResult>((resolve) => {
        call = connected.makeUnaryRequest(
          check.path,
          check.requestSerialize,
          check.responseDeserialize,
          // An empty name is proto3's default, and is left out of the message as other clients do.
          settings.service === '' ? {} : { service: settings.service },
          new grpc.Metadata(),
          { deadline: clock.wallMs() + timeoutMs },
          (error, response) => resolve(error ? resultOfError(error, timeoutMs) : resultOfResponse(response)),
        );
      });
      call = null;
      if (result.verdict === 'failed') disconnect();
      return result;
    },
    close() {
      closed = true;
      disconnect();
    },
  };
}

function resultOfResponse(response: HealthCheckResponse | undefined): ProbeResult {
  const status = response?.status ?? 'no status';
  return { verdict: status === 'SERVING' ? 'healthy' : 'unhealthy_now', reason: status };
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

function connect(grpc: Grpc, address: Address, tls: ProbeTls | undefined): Client {
  if (tls === undefined)
    return new grpc.Client(targetOf(address), grpc.credentials.createInsecure(), channelOptions);
  const name = tls.serverName;
  const named =
    name === undefined ? {} : { 'grpc.ssl_target_name_override': name, 'grpc.default_authority': name };
  const credentials = grpc.credentials.createFromSecureContext(tls.secureContext);
  return new grpc.Client(targetOf(address), credentials, { ...channelOptions, ...named });
}

/** The address in gRPC's naming (gRPC "Name resolution"). */
function targetOf(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const family = isIP(address.host);
  return family === 0 ? `dns:${formatAddress(address)}` : `ipv${family}:${formatAddress(address)}`;
}

interface Loaded {
  readonly grpc: Grpc;
  readonly check: Check;
}
let loading: Promise<Loaded> | undefined;

/** grpc-js and the protocol, loaded by the first probe: a process without gRPC probes does not pay for them. */
function load(): Promise<Loaded> {
  loading ??= loadNow();
  return loading;
}

async function loadNow(): Promise<Loaded> {
  const [grpc, loader] = await Promise.all([import('@grpc/grpc-js'), import('@grpc/proto-loader')]);
  // `protos/` stands beside `src/`, and beside the `dist/` that is made from it.
  const protos = fileURLToPath(new URL('../../protos/', import.meta.url));
  const definition = await loader.load('grpc/health/v1/health.proto', {
    includeDirs: [protos],
    enums: String,
    defaults: true,
  });
  const service = definition['grpc.health.v1.Health'] as Record<string, unknown>;
  return { grpc, check: service.Check as Check };
}
