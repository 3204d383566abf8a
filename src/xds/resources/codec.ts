import { fileURLToPath } from 'node:url';
import type { Result } from '../../core/result.ts';
import { poolOfProtoFiles } from '../../reflection/definition-files.ts';
import type { DescriptorPool } from '../../reflection/descriptor-pool.ts';
import { isJsonObject, type JsonObject } from '../../reflection/json.ts';
import { messageToJson } from '../../reflection/message-to-json.ts';
import type { ResourceKind } from '../resource.ts';
import { typeUrls } from '../type-urls.ts';
import { definitionFiles } from './definition-list.ts';

/**
 * Resources from their bytes. The JSON is ProtoJSON as `messageToJson` writes it: names in lowerCamelCase, 64-bit numbers as
 * text, bytes in base64, durations as `1.5s`, and only what was sent. A field that the definitions in `protos/envoy/` do not
 * have is left out; a message inside an Any whose definition is not there is `{ '@type': …, value: base64 }`.
 */
export class ResourceCodec {
  private readonly pool: DescriptorPool;

  constructor(pool: DescriptorPool) {
    this.pool = pool;
  }

  /**
   * Decodes one resource of an ADS response. The error is a sentence that says what is wrong with the bytes. Never throws.
   * A message takes at most `resourceValuesMax` values, whatever its bytes say.
   */
  readonly decode = (
    kind: ResourceKind,
    typeUrl: string,
    bytes: Buffer,
  ): Result<{ readonly name: string; readonly message: JsonObject }> => {
    if (typeUrl !== typeUrls[kind])
      return { error: `has the type "${typeUrl}" where "${typeUrls[kind]}" was requested` };
    const type = this.pool.message(typeNameOf(typeUrl));
    if (type === undefined) return { error: `has the type "${typeUrl}", which has no definition` };
    const { value: message, error } = messageToJson(this.pool, type, bytes, resourceValuesMax);
    if (error !== undefined) return { error };
    if (!isJsonObject(message)) return { error: `is not a ${type.fullName}` };
    const name = message[kind === 'endpoint' ? 'clusterName' : 'name'];
    return { value: { name: typeof name === 'string' ? name : '', message } };
  };
}

/** Values of one resource: 4 MiB of endpoints are about 400,000. Each takes memory that its bytes do not show. */
export const resourceValuesMax = 500_000;

/** Reads the definitions of all resources, which takes about 0.2 s: once, and only in a process that has a control plane. */
export function loadResourceCodec(): Result<ResourceCodec> {
  const { value: pool, error } = loadResourceDefinitions();
  return error === undefined ? { value: new ResourceCodec(pool) } : { error };
}

/** The definitions of the messages that control planes send. */
export function loadResourceDefinitions(): Result<DescriptorPool> {
  return poolOfProtoFiles(
    definitionFiles.map((file) => `${protoDir}${file}`),
    [protoDir],
  );
}

const protoDir = fileURLToPath(new URL('../../../protos/', import.meta.url));

/** `envoy.config.route.v3.RouteConfiguration` of its URL. */
export function typeNameOf(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
}
