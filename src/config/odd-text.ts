import { shown } from '../schema/problem.ts';

/**
 * What people write out of habit and what looks like something else than it is: variables in the syntax of other programs,
 * comments of other languages, quotes and spaces that a word processor put in. Asked only of what was refused.
 */

/** Characters that look like ASCII and are not, with the one that was meant. */
const lookalikes: ReadonlyMap<string, string> = new Map([
  ...[...'“”„‟″'].map((c): [string, string] => [c, '"']),
  ...[...'‘’‚‛′'].map((c): [string, string] => [c, "'"]),
  ...[...'\u00a0\u2002\u2003\u2007\u2009\u202f\u3000'].map((c): [string, string] => [c, ' ']),
  ...[...'\u200b\u200c\u200d\u2060\ufeff'].map((c): [string, string] => [c, '']),
  ['：', ':'],
  ['，', ','],
  ['–', '-'],
  ['—', '-'],
]);

const foreignVariable = /\$\(([A-Za-z_]\w{0,63})\)|\$([A-Za-z_]\w{0,63})|%([A-Za-z_]\w{0,63})%|\{\{.*\}\}/;

/** What is odd about the text of a value that was refused, with what to write; undefined where nothing is. */
export function oddValue(text: string): string | undefined {
  const lookalike = lookalikeIn(text);
  if (lookalike !== undefined) return `${shown(text)} ${lookalike.message}`;
  const variable = foreignVariable.exec(text);
  if (variable === null) return undefined;
  const name = variable[1] ?? variable[2] ?? variable[3] ?? 'NAME';
  return `${shown(text)}: ${shown(variable[0])} is not replaced here; write \${${name}} for an environment variable`;
}

/** The same for a key that is not known. */
export function oddKey(key: string): string | undefined {
  if (key.includes('${'))
    return `${shown(key)} is a key, and environment variables are replaced in values only; write the key itself`;
  if (/^\/[/*]/.test(key)) return commentFix;
  const lookalike = lookalikeIn(key);
  return lookalike === undefined ? undefined : `${shown(key)} ${lookalike.message}`;
}

const commentFix = 'a comment begins with "#" and a space here, not with "//" or "/*"; write # …';

/** What a line has that is not YAML but looks like it, with its column from 0. */
export function oddLine(line: string): { readonly column: number; readonly message: string } | undefined {
  const comment = /(^|[\s,;{}[\]"'])\/[/*](\s|$|\w)/.exec(line);
  if (comment !== null) return { column: comment.index + comment[1].length, message: commentFix };
  const lookalike = lookalikeIn(line);
  return lookalike === undefined
    ? undefined
    : { column: lookalike.index, message: `this line ${lookalike.message}` };
}

function lookalikeIn(text: string): { readonly index: number; readonly message: string } | undefined {
  for (let index = 0; index < text.length; index++) {
    const meant = lookalikes.get(text[index]);
    if (meant === undefined) continue;
    const code = `U+${text.charCodeAt(index).toString(16).toUpperCase().padStart(4, '0')}`;
    const fix = meant === '' ? 'remove it' : `write ${meant === ' ' ? 'a plain space' : meant}`;
    return {
      index,
      message: `has the character ${code} where plain ASCII is required; ${fix}`,
    };
  }
  return undefined;
}

/** A text that is not meant to be YAML or JSON, by its first line that is neither empty nor a comment. */
const formats: readonly (readonly [RegExp, string])[] = [
  [/^(http|events|upstream|server|stream|worker_processes|user)\b[^:]*[{;]/, 'nginx'],
  [/^(global|defaults|frontend|backend|listen)(\s+[\w-]+)?$/, 'HAProxy'],
  [/^\[\[?[\w."-]+\]\]?$|^[\w.-]+ *= *\S/, 'TOML or INI'],
  [/^<[?!\w]/, 'XML'],
  [/^[^\s{:]*(:\d+)?\s+\{$/, 'Caddy'],
];

/** What a whole file is, where it is the configuration of another program, a merge that is not finished, or has old line ends. */
export function oddFile(content: string): { readonly offset: number; readonly message: string } | undefined {
  const conflict = /^(<{7} |={7}\r?$|>{7} )/m.exec(content);
  if (conflict !== null)
    return {
      offset: conflict.index,
      message: `${shown(conflict[0].trim())} marks a merge conflict; resolve it and remove the mark`,
    };
  if (content.includes('\r') && !content.includes('\n'))
    return {
      offset: 0,
      message: 'its lines end with a carriage return alone; save the file with line feeds (LF or CRLF)',
    };
  const first = /^(?:[ \t]*(?:#.*)?\r?\n)*([^\n]{0,200})/.exec(content)?.[1].trim() ?? '';
  const format = formats.find(([pattern]) => pattern.test(first));
  if (format === undefined) return undefined;
  return {
    offset: 0,
    message: `the file has the format of ${format[1]}; write YAML or JSON with listeners and clusters, as docs/configuration.md shows`,
  };
}
