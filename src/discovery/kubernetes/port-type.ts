import { shown } from '../../schema/problem.ts';
import { type ScalarType, wrongKind } from '../../schema/scalar-type.ts';

const write = 'the name of a port of the service, such as grpc, or the number of the port of its pods';
const portMax = 65_535;
/** What an EndpointSlice may call a port: a DNS label. */
const namePattern = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** A port by name or number. */
export const portNameOrNumber: ScalarType<string | number> = {
  label: 'name or number of a port',
  unit: '',
  jsonSchema: {
    anyOf: [
      { type: 'integer', minimum: 1, maximum: portMax },
      { type: 'string', pattern: namePattern.source },
    ],
  },
  fromText: (text) => (/^\d{1,5}$/.test(text) ? Number(text) : text),
  toRaw: (value) => value,
  parse: (raw) => {
    if (typeof raw === 'string' && /^\d{1,5}$/.test(raw))
      return { error: `${shown(raw)} is text; write ${raw} without quotes` };
    if (typeof raw === 'string')
      return namePattern.test(raw)
        ? { value: raw }
        : { error: `${shown(raw)} is not a port; write ${write}` };
    if (typeof raw !== 'number') return wrongKind(raw, write);
    return Number.isInteger(raw) && raw >= 1 && raw <= portMax
      ? { value: raw }
      : { error: `${raw} is not a port; write a whole number from 1 to ${portMax}` };
  },
};
