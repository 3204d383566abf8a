import { randomBytes } from 'node:crypto';

/** Randomness for everything, so that a seed reproduces a run; nothing else may call `Math.random`. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform 32-bit unsigned integer. */
  u32(): number;
  /** The same 32 bits, signed: a small integer to V8, which is never boxed. */
  i32(): number;
}

/**
 * xoshiro128** (Blackman and Vigna): 128 bits of state, a few shifts per draw. Trace ids and load balancing need
 * uniqueness and uniformity, not secrecy; anything secret uses node:crypto instead.
 */
export class SeededRandom implements Random {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  constructor(seed: number | Uint32Array) {
    const words = typeof seed === 'number' ? splitMix(seed) : seed;
    this.a = words[0];
    this.b = words[1];
    this.c = words[2];
    this.d = words[3] | 1; // all-zero state would stay zero for ever
  }

  i32(): number {
    let t = Math.imul(this.b, 5);
    t = Math.imul((t << 7) | (t >>> 25), 9);
    const s = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= s;
    this.d = (this.d << 11) | (this.d >>> 21);
    return t | 0;
  }

  u32(): number {
    return this.i32() >>> 0;
  }

  next(): number {
    return (this.i32() >>> 0) / 0x1_0000_0000;
  }
}

/** For what is signed by this process and checked by nobody else. New at every start. */
export const processSecret: Uint8Array = randomBytes(32);

/** A generator with a fresh seed from the operating system. */
export function systemRandom(): Random {
  const bytes = randomBytes(16);
  return new SeededRandom(
    Uint32Array.of(
      bytes.readUInt32LE(0),
      bytes.readUInt32LE(4),
      bytes.readUInt32LE(8),
      bytes.readUInt32LE(12),
    ),
  );
}

function splitMix(seed: number): Uint32Array {
  const words = new Uint32Array(4);
  let state = seed >>> 0;
  for (let i = 0; i < 4; i++) {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    words[i] = (z ^ (z >>> 16)) >>> 0;
  }
  return words;
}
