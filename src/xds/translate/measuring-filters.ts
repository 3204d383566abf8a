import type { AnyMessage } from './message-reader.ts';

const measuringType =
  /(^io\.istio\.|^stats\.PluginConfig|metadata_?exchange|MetadataExchange|network\.tap\.)/i;

/** Filters of Istio whose message may be any. */
const measuringName = /^istio\.(metadata_exchange|stats|alpn)$/;

/** Whether a filter of connections only measures, as some of Istio do: without it a connection goes to the same place. */
export function isMeasuringFilter(name: string, any: AnyMessage | undefined): boolean {
  return any !== undefined && (measuringType.test(any.type) || hasMeasuringName(name));
}

/** Whether the name is one that Istio gives to filters that measure. */
export function hasMeasuringName(name: string): boolean {
  return measuringName.test(name);
}
