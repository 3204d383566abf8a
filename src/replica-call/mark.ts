import { type ClientOptions, Metadata } from '@grpc/grpc-js';
import type { Result } from '../core/result.ts';

/** Marks the calls of operators, for servers and their logs. */
export const callHeader = 'x-outrigger-call';

export type Headers = ReadonlyArray<readonly [name: string, value: string]>;

/** Returns the metadata of a call: the mark, and the headers of the operator; values of `-bin` headers are in base64. */
export function markedMetadata(version: string, headers: Headers): Result<Metadata> {
  const metadata = new Metadata();
  metadata.set(callHeader, `outrigger/${version}`);
  try {
    for (const [name, value] of headers)
      metadata.add(name, name.endsWith('-bin') ? Buffer.from(value, 'base64') : value);
  } catch (error) {
    return { error: (error as Error).message };
  }
  return { value: metadata };
}

/** Options of the client, which marks its calls by its user agent as well. */
export function markedClientOptions(version: string): ClientOptions {
  return {
    'grpc.primary_user_agent': `outrigger-call/${version}`,
    'grpc.service_config_disable_resolution': 1,
    'grpc.use_local_subchannel_pool': 1,
    // A proxy of the environment is on nobody's way to the sidecar.
    'grpc.enable_http_proxy': 0,
  };
}
