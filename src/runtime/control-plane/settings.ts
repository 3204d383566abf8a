import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Config } from '../../config/table.ts';
import type { Result } from '../../core/result.ts';
import { type Bootstrap, parseBootstrap } from '../../xds/client/bootstrap.ts';
import type { AdsSettings, ControlPlaneTls } from '../../xds/client/interface.ts';

export interface ControlPlaneSettings {
  readonly ads: AdsSettings;
  /** What of the bootstrap file has no effect, each a sentence. */
  readonly warnings: readonly string[];
}

/** The settings of the stream to the control plane, of the configuration and of the bootstrap file that it names. */
export function controlPlaneSettings(config: Config, version: string): Result<ControlPlaneSettings> {
  const { xds, zone } = config;
  const { value: file, error } = bootstrapOf(xds);
  if (error !== undefined) return { error };
  const node = {
    id: xds.node.id || file?.node.id || hostname(),
    cluster: xds.node.cluster || file?.node.cluster || '',
    locality: {
      region: xds.node.region || file?.node.locality.region || '',
      zone: zone || file?.node.locality.zone || '',
      subZone: xds.node.subZone || file?.node.locality.subZone || '',
    },
    metadata: { ...file?.node.metadata, ...xds.node.metadata },
  };
  const server = xds.server ?? file?.server ?? '';
  const tls: ControlPlaneTls | null =
    xds.tls === undefined ? (file?.tls ?? null) : { ...xds.tls, serverName: xds.tls.serverName ?? '' };
  const ads = { server, delta: xds.delta, node, userAgentVersion: version, tls };
  return { value: { ads, warnings: file?.warnings ?? [] } };
}

function bootstrapOf({ bootstrap: path, bootstrapConfig }: Config['xds']): Result<Bootstrap | undefined> {
  if (path === undefined && bootstrapConfig === undefined) return { value: undefined };
  if (path === undefined) return parsed(bootstrapConfig as string, 'xds.bootstrapConfig');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return {
      error: `xds.bootstrap: ${(error as Error).message}; write the path of a bootstrap file of gRPC`,
    };
  }
  return parsed(text, 'xds.bootstrap');
}

function parsed(text: string, key: string): Result<Bootstrap> {
  const { value, error } = parseBootstrap(text);
  return error === undefined ? { value } : { error: `${key}: ${error}` };
}
