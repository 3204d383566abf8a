import { loadSync } from '@grpc/proto-loader';
import type { Result } from '../core/result.ts';
import { filesOfDescriptorSet } from './descriptor-file.ts';
import { DescriptorPool } from './descriptor-pool.ts';

/** Reads a descriptor set, as `protoc --descriptor_set_out=FILE --include_imports` and `buf build -o FILE` write it. */
export function poolOfDescriptorSet(bytes: Buffer): Result<DescriptorPool> {
  const files = filesOfDescriptorSet(bytes);
  if (files.error !== undefined) return files;
  if (files.value.length === 0) return { error: 'it is not a descriptor set: it has no files' };
  return poolOf(files.value);
}

/** Reads .proto files. Their imports are searched in `importDirs`, and beside the first file. */
export function poolOfProtoFiles(
  paths: readonly string[],
  importDirs: readonly string[],
): Result<DescriptorPool> {
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
    return poolOf([...new Set(files)]);
  } catch (error) {
    return { error: (error as Error).message };
  }
}

function poolOf(files: readonly Buffer[]): Result<DescriptorPool> {
  const pool = new DescriptorPool();
  for (const file of files) {
    const problem = pool.add(file);
    if (problem !== '') return { error: problem };
  }
  return { value: pool };
}
