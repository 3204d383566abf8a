import type { JsonObject } from '../../reflection/json.ts';
import { http2Fields, httpProtocolFields } from './fields/cluster-fields.ts';
import type { MessageReader } from './message-reader.ts';
import { clamp, definedKeys, durationText } from './translation.ts';

const kibibyte = 1024;
const headerBytesMax = 1_048_576;

/** What an HttpConnectionManager says besides routes: the keys `limits` and `requestTarget` of a listener. */
export function connectionManagerKeys(manager: MessageReader): JsonObject {
  const common = manager.message('common_http_protocol_options', httpProtocolFields);
  const idleMs = common?.durationMs('idle_timeout');
  const ageMs = common?.durationMs('max_connection_duration') ?? 0;
  const headers = common?.number('max_headers_count');
  const streams = manager.message('http2_protocol_options', http2Fields)?.number('max_concurrent_streams');
  const headerKiB = manager.number('max_request_headers_kb');
  const limits = definedKeys({
    // 0 is none in Envoy, which the longest here comes next to.
    idleTimeout: idleMs === undefined ? undefined : durationText(idleMs || Infinity, { min: 1000 }),
    maxConnectionAge: ageMs > 0 ? durationText(ageMs, { min: 1000 }) : undefined,
    headerCount: headers === undefined ? undefined : clamp(Math.trunc(headers), 10, 10_000),
    maxConcurrentStreams: streams === undefined ? undefined : clamp(Math.trunc(streams), 1, 1_000_000),
    headerListBytes:
      headerKiB === undefined
        ? undefined
        : `${clamp(Math.trunc(headerKiB) * kibibyte, kibibyte, headerBytesMax)}B`,
  });
  return {
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    requestTarget: requestTarget(manager),
  };
}

const escapedSlashes: Readonly<Record<string, string>> = {
  REJECT_REQUEST: 'reject',
  UNESCAPE_AND_FORWARD: 'unescape',
  UNESCAPE_AND_REDIRECT: 'unescape',
};

function requestTarget(manager: MessageReader): JsonObject {
  const action = manager.text('path_with_escaped_slashes_action');
  return {
    normalizePath: manager.flag('normalize_path') === true,
    mergeSlashes: manager.flag('merge_slashes') === true,
    escapedSlashes: Object.hasOwn(escapedSlashes, action) ? escapedSlashes[action] : 'keep',
  };
}
