import { jsonSchema } from '../config/json-schema.ts';
import { referencePage } from '../config/reference.ts';
import { type CliIo, ExitCode } from './io.ts';

export interface SchemaArguments {
  readonly output: 'json' | 'markdown';
}

/** Prints the JSON Schema of the configuration, or its reference page. */
export async function schema(args: SchemaArguments, io: CliIo): Promise<number> {
  io.stdout.write(
    args.output === 'markdown' ? referencePage() : `${JSON.stringify(jsonSchema(), null, 2)}\n`,
  );
  return ExitCode.Fine;
}
