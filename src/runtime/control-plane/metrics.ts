import type { Registry } from '../../telemetry/metrics/registry.ts';
import type { AppState } from '../parts.ts';

/** Registers `outrigger_xds_*`; there are none without a control plane. */
export function registerControlPlaneMetrics(registry: Registry, parts: () => AppState): void {
  const status = () => parts().controlPlane?.status;
  registry.observe(
    'gauge',
    { name: 'outrigger.xds.connected', help: '1 while the control plane is connected, else 0.', unit: '' },
    (emit) => {
      const now = status();
      if (now !== undefined) emit({}, now.connected ? 1 : 0);
    },
  );
  registry.observe(
    'gauge',
    {
      name: 'outrigger.xds.staleness',
      help: 'Time since the connection to the control plane was lost; 0 while it is connected.',
      unit: 's',
    },
    (emit) => {
      const now = status();
      if (now !== undefined) emit({}, now.staleMs / 1000);
    },
  );
  registry.observe(
    'gauge',
    {
      name: 'outrigger.xds.resources',
      help: 'Resources of the control plane that are in use.',
      unit: '{resource}',
    },
    (emit) => {
      for (const { kind, resources } of status()?.kinds ?? []) emit({ 'outrigger.kind': kind }, resources);
    },
  );
  registry.observe(
    'counter',
    {
      name: 'outrigger.xds.responses',
      help: 'Responses of the control plane, by whether all of their resources were accepted (ack) or not (nack).',
      unit: '{response}',
    },
    (emit) => {
      for (const { kind, acks, nacks } of status()?.kinds ?? []) {
        emit({ 'outrigger.kind': kind, 'outrigger.outcome': 'ack' }, acks);
        emit({ 'outrigger.kind': kind, 'outrigger.outcome': 'nack' }, nacks);
      }
    },
  );
}
