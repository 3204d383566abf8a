/** One thing to fuzz: takes any octets, and throws where a promise of the code under it is broken. */
export interface FuzzTarget {
  /** What the promises are, for the list that `--list` prints. */
  readonly about: string;
  /** Longer inputs are cut. */
  readonly inputBytesMax: number;
  /** Inputs are records of so many octets after a head of `headBytes`; 1 where octets stand for themselves. */
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

/** Octets of a text, one each (latin1), as the wire has them. */
export function octets(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
