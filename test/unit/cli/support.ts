import type { CliIo } from '../../../src/cli/io.ts';

/** What a command writes, kept. */
export class CapturedIo implements CliIo {
  out = '';
  err = '';
  readonly stdout = { write: (text: string) => (this.out += text) };
  readonly stderr = { write: (text: string) => (this.err += text) };
}
