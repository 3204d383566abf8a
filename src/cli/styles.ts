import type { CliIo } from './io.ts';

/** What a style says about a text; terminals show it as a colour, other outputs not at all. */
export type Style = 'good' | 'bad' | 'warning' | 'dim' | 'bold' | 'reverse';

/** SGR parameters (ECMA-48 section 8.3.117), from the 8 colours that every terminal has. */
const codes: Readonly<Record<Style, number>> = {
  good: 32,
  bad: 31,
  warning: 33,
  dim: 2,
  bold: 1,
  reverse: 7,
};

export function styled(text: string, style: Style | undefined, hasStyles: boolean): string {
  return style === undefined || !hasStyles || text === '' ? text : `\x1b[${codes[style]}m${text}\x1b[0m`;
}

/**
 * Writes text to standard output. It may contain styles if `io.screen` has them; every part that comes from outside has gone
 * through `printable`.
 */
export function print(io: CliIo, text: string): void {
  if (io.screen?.hasStyles) io.screen.write(text);
  else io.stdout.write(text);
}
