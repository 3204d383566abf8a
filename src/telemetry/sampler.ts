/** Which calls are traced: the samplers of `OTEL_TRACES_SAMPLER`, as two numbers. */

export const samplerNames = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
export type SamplerName = (typeof samplerNames)[number];

/** A sampler made ready: every one of the six is a share of new traces, and whether a parent's word is followed. */
export interface Sampler {
  /** A call whose parent was sampled is sampled, and one whose parent was not is not. */
  readonly parentBased: boolean;
  /** A trace is sampled if the top 31 bits of bytes 8 to 11 of its id are below this; 0 is none, 2^31 is all. */
  readonly bound: number;
}

/** `ratio` counts for the two `traceidratio` samplers only; it is held within 0 to 1. */
export function makeSampler(name: SamplerName, ratio: number): Sampler {
  const share = name.endsWith('always_on')
    ? 1
    : name.endsWith('always_off')
      ? 0
      : Math.min(Math.max(ratio, 0), 1);
  return { parentBased: name.startsWith('parentbased_'), bound: boundOf(share) };
}

/** The same sampler with another share of the traces that it decides about; a parent that decides still does. */
export function withShare({ parentBased }: Sampler, share: number): Sampler {
  return { parentBased, bound: boundOf(share) };
}

function boundOf(share: number): number {
  return share * 0x8000_0000;
}

/**
 * Whether a trace without a parent is sampled, by bytes 8 to 11 of its id as a number. The Go and Java SDKs read
 * the same bits in the same way, so services at equal ratios agree on the trace.
 */
export function sampledByRatio(sampler: Sampler, idWord: number): boolean {
  return idWord >>> 1 < sampler.bound;
}

export function isSamplerName(text: string): text is SamplerName {
  return (samplerNames as readonly string[]).includes(text);
}
