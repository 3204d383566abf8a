import { expect } from 'chai';
import { sensitiveParametersDefault } from '../../../src/core/query-redaction.ts';
import { configOf, minimal, problemsOf } from '../config/support.ts';

const file = (list: string): string => minimal({ more: `telemetry: { redactQuery: ${list} }` });
const said = (list: string): string =>
  problemsOf(file(list))
    .join('\n')
    .replace(/^.*redactQuery: /, '');

describe('config/name-list', () => {
  it('takes names, none of them, and the default', () => {
    expect(configOf(file('[token, "*_key"]')).telemetry.redactQuery).to.deep.equal(['token', '*_key']);
    expect(configOf(file('[]')).telemetry.redactQuery).to.deep.equal([]);
    expect(configOf(minimal()).telemetry.redactQuery).to.deep.equal([...sensitiveParametersDefault]);
  });

  it('a variable has them separated by commas', () => {
    const env = { OUTRIGGER_TELEMETRY_REDACT_QUERY: 'token, *_key,token' };
    expect(configOf(minimal(), { env }).telemetry.redactQuery).to.deep.equal(['token', '*_key']);
  });

  it('says what is wrong with one', () => {
    expect(said('token')).to.equal('"token" is text; write a list, such as [token, "*_key"]');
    expect(said('[1]')).to.match(/^1 is a number; write the name of a query parameter/);
    expect(said('["a b"]')).to.match(/^"a b" is not a name; write the name of a query parameter/);
    expect(said('[a, b, a]')).to.equal('"a" is in the list twice; write it once');
    expect(said(`[${'x'.repeat(65)}]`)).to.match(/has 65 characters; write at most 64$/);
    expect(said(`[${Array.from({ length: 201 }, (_, i) => `n${i}`)}]`)).to.equal(
      'has 201 names; write at most 200',
    );
  });
});
