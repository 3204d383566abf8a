import type { Client, Metadata } from '@grpc/grpc-js';
import { readFileBounded } from '../../config/config-file.ts';
import type { Clock } from '../../core/clock.ts';
import { nearestName } from '../../core/nearest.ts';
import type { Result } from '../../core/result.ts';
import { poolOfProtoFiles } from '../../reflection/definition-files.ts';
import { type DescriptorPool, listed } from '../../reflection/descriptor-pool.ts';
import { poolOfDescriptorSet } from '../../reflection/descriptor-set.ts';
import { ReflectionClient } from '../../reflection/reflection-client.ts';

/** Where the definition of a method comes from; the reflection service of the server if neither is set. */
export interface DefinitionFlags {
  readonly protoFiles: readonly string[];
  readonly importDirs: readonly string[];
  readonly descriptorSet: string | undefined;
}

const descriptorSetBytesMax = 16 * 1024 * 1024;
const withoutReflection =
  'give the definition with --proto FILE or --descriptor-set FILE, or let the server offer reflection; if a listener routes services by name, it must route grpc.reflection.v1.ServerReflection and grpc.reflection.v1alpha.ServerReflection as well (docs/call.md)';

/** Definitions by files, or by questions to the server on the way that its calls take. */
export class Definitions {
  private readonly flags: DefinitionFlags;
  private readonly reflection: ReflectionClient;
  private fromFiles: Result<DescriptorPool> | undefined;

  constructor(flags: DefinitionFlags, client: Client, clock: Clock, metadata: Metadata) {
    this.flags = flags;
    this.reflection = new ReflectionClient(client, clock, { metadata });
  }

  async services(): Promise<Result<readonly string[]>> {
    const files = this.files();
    if (files !== undefined) return files.error === undefined ? { value: files.value.serviceNames } : files;
    const services = await this.reflection.listServices();
    return services.error === undefined ? services : { error: withFix(services) };
  }

  /** Returns the definitions that a service needs. */
  async of(service: string): Promise<Result<DescriptorPool>> {
    const files = this.files();
    if (files !== undefined) return files;
    const described = await this.reflection.describe(service);
    if (described.error === undefined) return described;
    if (described.unsupported) return { error: withFix(described) };
    const { value: names = [] } = await this.reflection.listServices();
    const near = nearestName(service, names);
    if (names.includes(service) || names.length === 0) return { error: described.error };
    return {
      error: `the server has no service "${service}"; ${near === undefined ? `it has ${listed(names)}` : `did you mean "${near}"?`}`,
    };
  }

  private files(): Result<DescriptorPool> | undefined {
    const { protoFiles, importDirs, descriptorSet } = this.flags;
    if (descriptorSet === undefined && protoFiles.length === 0) return undefined;
    this.fromFiles ??=
      descriptorSet === undefined
        ? named('--proto', poolOfProtoFiles(protoFiles, importDirs))
        : named(`--descriptor-set: "${descriptorSet}"`, readSet(descriptorSet));
    return this.fromFiles;
  }
}

function withFix({ error, unsupported }: { readonly error: string; readonly unsupported: boolean }): string {
  return unsupported ? `${error}; ${withoutReflection}` : error;
}

function named<T>(name: string, result: Result<T>): Result<T> {
  return result.error === undefined ? result : { error: `${name}: ${result.error}` };
}

function readSet(file: string): Result<DescriptorPool> {
  const bytes = readFileBounded(file, descriptorSetBytesMax);
  return bytes.error === undefined ? poolOfDescriptorSet(bytes.value) : bytes;
}
