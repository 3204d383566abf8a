import { loadSync } from '@grpc/proto-loader';
import type { Result } from '../core/result.ts';
import type { DescriptorPool } from './descriptor-pool.ts';
import { poolOf } from './descriptor-set.ts';
import { wireTypes } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

/** Reads .proto files. Their imports are searched in `importDirs`, and beside the first file. */
export function poolOfProtoFiles(
  paths: readonly string[],
  importDirs: readonly string[],
): Result<DescriptorPool> {
  const { value: files, error } = filesOfProtoFiles(paths, importDirs);
  return error === undefined ? poolOf(files) : { error };
}

/** The same as a descriptor set, which another process reads. */
export function descriptorSetOfProtoFiles(
  paths: readonly string[],
  importDirs: readonly string[],
): Result<Buffer> {
  const { value: files, error } = filesOfProtoFiles(paths, importDirs);
  if (error !== undefined) return { error };
  const set = new WireWriter();
  for (const file of files) set.tag(1, wireTypes.bytes).delimited(file);
  return { value: set.finish() };
}

/** Each file as a `FileDescriptorProto`. */
function filesOfProtoFiles(paths: readonly string[], importDirs: readonly string[]): Result<Buffer[]> {
  try {
    const definition = loadSync([...paths], { keepCase: true, includeDirs: [...importDirs] });
    const files = Object.values(definition).flatMap((one) => {
      if ('fileDescriptorProtos' in one) return one.fileDescriptorProtos as Buffer[];
      // A service has none of its own, but its messages do.
      return Object.values(one).flatMap(({ requestType, responseType }) => [
        ...requestType.fileDescriptorProtos,
        ...responseType.fileDescriptorProtos,
      ]);
    });
    return { value: [...new Set(files)] };
  } catch (error) {
    return { error: (error as Error).message };
  }
}
