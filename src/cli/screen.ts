import type { ReadStream, WriteStream } from 'node:tty';
import type { Environment } from '../config/environment.ts';
import type { Screen } from './io.ts';

/** Of a terminal that does not know its size. */
const columnsDefault = 80;
const rowsDefault = 24;

/**
 * Returns the terminal behind standard output, or undefined for a file or a pipe. Styles are off if `NO_COLOR` is set to
 * anything (https://no-color.org) or `TERM` is `dumb`.
 */
export function screenOf(
  stdout: Pick<WriteStream, 'isTTY' | 'columns' | 'rows' | 'write'>,
  stdin: KeySource,
  env: Environment,
): Screen | undefined {
  if (!stdout.isTTY) return undefined;
  return {
    get columns() {
      return stdout.columns || columnsDefault;
    },
    get rows() {
      return stdout.rows || rowsDefault;
    },
    hasStyles: (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb',
    write: (text) => void stdout.write(text),
    onKey: stdin.isTTY && env.TERM !== 'dumb' ? (pressed) => readKeys(stdin, pressed) : null,
  };
}

type KeySource = Pick<ReadStream, 'isTTY' | 'setRawMode' | 'on' | 'off' | 'resume' | 'pause' | 'setEncoding'>;

function readKeys(stdin: KeySource, pressed: (key: string) => void): () => void {
  const onData = (keys: string): void => {
    // An arrow or a function key comes as one chunk that begins with ESC.
    if (keys.startsWith('\x1b')) pressed(keys);
    else for (const key of keys) pressed(key);
  };
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  stdin.on('data', onData);
  stdin.resume();
  return () => {
    stdin.off('data', onData);
    stdin.setRawMode(false);
    stdin.pause();
  };
}
