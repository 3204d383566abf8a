import { isIP } from 'node:net';
import type { ChannelOptions, Client, MethodDefinition } from '@grpc/grpc-js';
import { type Address, formatAddress } from '../core/address.ts';
import {
  decodeResponse,
  encodeRequest,
  type HealthCheckRequest,
  type HealthCheckResponse,
} from './health-messages.ts';
import type { ProbeTls } from './probe.ts';

export type Grpc = typeof import('@grpc/grpc-js');
type HealthMethod = MethodDefinition<HealthCheckRequest, HealthCheckResponse>;

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

/** A client on a connection of its own; it connects at the first call. */
export function connectHealthClient(grpc: Grpc, address: Address, tls: ProbeTls | undefined): Client {
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

export interface HealthProtocol {
  readonly grpc: Grpc;
  readonly check: HealthMethod;
  readonly watch: HealthMethod;
}
let loading: Promise<HealthProtocol> | undefined;

/** grpc-js is loaded by the first probe: a process without gRPC probes does not pay for it. */
export function loadHealthProtocol(): Promise<HealthProtocol> {
  loading ??= import('@grpc/grpc-js').then((grpc) => ({
    grpc,
    check: methodOf('Check', false),
    watch: methodOf('Watch', true),
  }));
  return loading;
}

function methodOf(name: string, responseStream: boolean): HealthMethod {
  return {
    path: `/grpc.health.v1.Health/${name}`,
    requestStream: false,
    responseStream,
    requestSerialize: encodeRequest,
    responseDeserialize: decodeResponse,
    requestDeserialize: ofServers,
    responseSerialize: ofServers,
  };
}

function ofServers(): never {
  throw new Error('a client of the health service neither reads requests nor writes responses');
}
