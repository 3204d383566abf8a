import type { Command } from '../command.ts';
import type { SchemaArguments } from '../schema.ts';

export const schema: Command<SchemaArguments> = {
  name: 'schema',
  summary: 'print the JSON Schema of the configuration',
  usage: '[options]',
  detail: ['Editors use the schema to complete and check configuration files.'],
  examples: ['outrigger schema > outrigger.schema.json'],
  flags: [
    {
      name: 'output',
      short: 'o',
      value: 'json|markdown',
      words: ['json', 'markdown'],
      doc: 'json prints the JSON Schema, markdown prints the reference page (json)',
    },
  ],
  parse: ({ one }) => ({ value: { output: one.output === 'markdown' ? 'markdown' : 'json' } }),
  run: async (args, { io }) => (await import('../schema.ts')).schema(args, io),
};
