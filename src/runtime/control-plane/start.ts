import type { Config } from '../../config/table.ts';
import { formatAddress } from '../../core/address.ts';
import { AdsClient } from '../../xds/client/ads-client.ts';
import { openGrpcStream } from '../../xds/client/grpc-stream.ts';
import { loadResourceCodec } from '../../xds/resources/codec.ts';
import type { AppDeps } from '../parts.ts';
import { ControlPlane, type ControlPlaneDeps } from './control-plane.ts';
import { controlPlaneSettings } from './settings.ts';

/** The control plane of a configuration, not yet connected. Throws a sentence where it cannot be: a bootstrap file is missing, say. */
export function buildControlPlane(
  config: Config,
  deps: AppDeps,
  given: Pick<ControlPlaneDeps, 'reload' | 'reserved' | 'isDraining'>,
): ControlPlane {
  const { clock, random, logger, version, checkPushed = () => [] } = deps;
  const { value: settings, error } = controlPlaneSettings(config, version);
  if (error !== undefined) throw new Error(error);
  const { value: codec, error: codecError } = loadResourceCodec();
  if (codecError !== undefined) throw new Error(codecError);
  for (const warning of settings.warnings) logger.warn(`xds.bootstrap: ${warning}`);
  const addresses = new Map(config.xds.listeners.map(({ name, listen }) => [name, formatAddress(listen)]));
  return new ControlPlane(
    { ...given, clock, addresses, check: checkPushed },
    (judge) =>
      new AdsClient(settings.ads, {
        clock,
        random,
        logger,
        openStream: openGrpcStream,
        decode: codec.decode,
        judge,
      }),
  );
}
