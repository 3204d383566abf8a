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

/** The definitions of these files, each a `FileDescriptorProto`. */
export function poolOf(files: readonly Buffer[]): Result<DescriptorPool> {
  const pool = new DescriptorPool();
  for (const file of files) {
    const problem = pool.add(file);
    if (problem !== '') return { error: problem };
  }
  return { value: pool };
}
