import type { Labels, Registry } from '../telemetry/metrics/registry.ts';
import type { SubchannelKey, SubchannelTable } from '../upstream/subchannels.ts';

/** Registers `grpc_subchannel_*`, the metrics of gRFC A94. */
export function registerSubchannelMetrics(registry: Registry, table: SubchannelTable): void {
  registry.observe(
    'counter',
    {
      name: 'grpc.subchannel.connection_attempts_succeeded',
      help: 'Attempts to connect to an endpoint over HTTP/2 that succeeded (gRFC A94).',
      unit: '{attempt}',
    },
    (emit) => table.each((key, { succeeded }) => emit(labelsOf(key), succeeded)),
  );
  registry.observe(
    'counter',
    {
      name: 'grpc.subchannel.connection_attempts_failed',
      help: 'Attempts to connect to an endpoint over HTTP/2 that failed (gRFC A94).',
      unit: '{attempt}',
    },
    (emit) => table.each((key, { failed }) => emit(labelsOf(key), failed)),
  );
  registry.observe(
    'counter',
    {
      name: 'grpc.subchannel.disconnections',
      help: 'HTTP/2 connections to endpoints that ended, by reason (gRFC A94).',
      unit: '{disconnection}',
    },
    (emit) =>
      table.each((key, { disconnections }) => {
        for (const [error, count] of disconnections)
          emit({ ...labelsOf(key), 'grpc.disconnect_error': error }, count);
      }),
  );
  registry.observe(
    'gauge',
    {
      name: 'grpc.subchannel.open_connections',
      help: 'Open HTTP/2 connections to endpoints, by their security (gRFC A94).',
      unit: '{connection}',
      isSum: true,
    },
    (emit) =>
      table.each((key, { open }) => emit({ ...labelsOf(key), 'grpc.security_level': key.security }, open)),
  );
}

function labelsOf({ cluster, zone }: SubchannelKey): Labels {
  return zone === '' ? { 'grpc.target': cluster } : { 'grpc.target': cluster, 'grpc.lb.locality': zone };
}
