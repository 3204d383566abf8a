import { fractionalPercentFields, fractionFields } from './fields/route-fields.ts';
import type { MessageReader } from './message-reader.ts';
import { clamp } from './translation.ts';

const denominators: Readonly<Record<string, number>> = {
  HUNDRED: 100,
  TEN_THOUSAND: 10_000,
  MILLION: 1_000_000,
};

/** Reads a RuntimeFractionalPercent as a percentage; undefined where it was not sent. */
export function readRuntimePercent(reader: MessageReader, name: string): number | undefined {
  const fraction = reader.message(name, fractionFields);
  return fraction === undefined ? undefined : (readPercent(fraction, 'default_value') ?? 0);
}

/** Reads a FractionalPercent as a percentage, 0 to 100. */
export function readPercent(reader: MessageReader, name: string): number | undefined {
  const fraction = reader.message(name, fractionalPercentFields);
  if (fraction === undefined) return undefined;
  const denominator = denominators[fraction.text('denominator') || 'HUNDRED'] ?? 100;
  return clamp(((fraction.number('numerator') ?? 0) / denominator) * 100, 0, 100);
}
