import type { Config } from '../../config/table.ts';

/** Whether a configuration has a control plane. */
export function usesControlPlane({ xds }: Config): boolean {
  return xds.server !== undefined || xds.bootstrap !== undefined || xds.bootstrapConfig !== undefined;
}
