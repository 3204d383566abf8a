/** One thing to fuzz: takes any bytes, and throws where a promise of the code under it is broken. */
export interface FuzzTarget {
  /** What the promises are, for the list that `--list` prints. */
  readonly about: string;
  /** Longer inputs are cut. */
  readonly inputBytesMax: number;
  /** Inputs are records of so many bytes after a head of `headBytes`; 1 where bytes stand for themselves. */
  readonly recordBytes: number;
  readonly headBytes: number;
  /** Pieces that chance would take long to find. */
  readonly dictionary: readonly Uint8Array[];
  /** Inputs to begin with, made by our own encoders or by hand. The same every time. */
  seeds(): Uint8Array[];
  run(input: Uint8Array): void;
}

/** A broken promise. */
export function fail(message: string): never {
  throw new Error(message);
}

export function check(holds: boolean, message: string): asserts holds {
  if (!holds) fail(message);
}

/** Bytes of a text, one each (latin1), as the wire has them. */
export function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
