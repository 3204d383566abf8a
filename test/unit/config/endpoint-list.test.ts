import { expect } from 'chai';
import fc from 'fast-check';
import { readEndpointList } from '../../../src/config/endpoint-list.ts';
import { configOf, minimal, problemsOf } from './support.ts';

const errorsOf = (text: string): readonly string[] => readEndpointList(text).errors;

describe('config/endpoint-list', () => {
  it('separates addresses by commas and spaces, and gives each the options that follow it', () => {
    const two = [{ address: 'a:1' }, { address: 'b:2', weight: 2 }];
    for (const text of [
      'a:1,b:2,weight=2',
      'a:1, b:2, weight=2',
      ' a:1 b:2 weight=2\n',
      'a:1,b:2;weight=2',
      'a:1,,b:2,weight=2,',
    ])
      expect(readEndpointList(text), text).to.deep.equal({ items: two, errors: [] });
    expect(readEndpointList('[::1]:1,zone=a,priority=1,weight=2.5 unix:/a@b=c,zone=').items).to.deep.equal([
      { address: '[::1]:1', zone: 'a', priority: 1, weight: 2.5 },
      { address: 'unix:/a@b=c', zone: '' },
    ]);
  });

  it('names every mistake', () => {
    const wrong: Readonly<Record<string, string>> = {
      'a:1,wieght=2': '"a:1,wieght=2": "wieght" is not an option of an endpoint; did you mean weight?',
      'a:1;wieght=2': '"a:1;wieght=2": "wieght" is not an option of an endpoint; did you mean weight?',
      'a:1,colour=2':
        '"a:1,colour=2": "colour" is not an option of an endpoint; write weight, zone or priority',
      'a:1;weight': '"a:1;weight": weight has no value; write weight=…',
      'a:1,weight=': '"a:1,weight=": weight has no value; write weight=…',
      'a:1,weight=0': '"a:1,weight=0": weight: 0 is below 1; write a number from 1 to 1000000',
      'a:1,weight=-1': '"a:1,weight=-1": weight: -1 is below 1; write a number from 1 to 1000000',
      'a:1,weight=1e9':
        '"a:1,weight=1e9": weight: 1000000000 is above 1000000; write a number from 1 to 1000000',
      'a:1,weight=x': '"a:1,weight=x": weight: "x" is not a number; write a number from 1 to 1000000',
      'a:1,weight=2,weight=3': '"a:1,weight=2,weight=3": weight is written twice; write it once',
      'weight=2,a:1': '"weight=2" follows no address; write host:port,weight=2',
      'a:1@2': '"a:1@2": "a:1@2" is not an address; for a weight write a:1,weight=2',
      'a:1=2': '"a:1=2": "a:1=2" is not an address; for a weight write a:1,weight=2',
    };
    for (const [text, error] of Object.entries(wrong)) expect(errorsOf(text), text).to.deep.equal([error]);
    expect(errorsOf('a,b:2,c:')).to.have.length(2);
  });

  it('gives items or errors for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        const { items, errors } = readEndpointList(text);
        expect(items.length + errors.length === 0, text).to.equal(/^[\s,]*$/.test(text));
      }),
    );
  });

  it('may stand for the endpoints of a cluster, or for some of them', () => {
    const endpoints = (text: string) =>
      configOf(minimal().replace('[{ address: 127.0.0.1:50051 }]', text)).clusters[0].endpoints.map(
        ({ address, weight }) => [(address as { host: string }).host, weight],
      );
    expect(endpoints('"a:1, b:2, weight=2"')).to.deep.equal([
      ['a', 1],
      ['b', 2],
    ]);
    expect(endpoints('["a:1,b:2,weight=2", { address: c:3, weight: 3 }]')).to.deep.equal([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]);
  });

  it('is wrong at the place of its text', () => {
    const told = (text: string) => problemsOf(minimal().replace('[{ address: 127.0.0.1:50051 }]', text));
    expect(told('a:1,b')).to.deep.equal([
      'f.yaml:8:16 clusters[0].endpoints: "b" has no port; write host:port, such as b:50051',
    ]);
    expect(told('[a:1, a:1]')).to.deep.equal([
      'f.yaml:8:22 clusters[0].endpoints[1].address: "a:1" is in the list already, in line 8; write it once, with a weight for a larger share',
    ]);
    expect(told('","')).to.deep.equal([
      'f.yaml:8:16 clusters[0].endpoints: has no endpoint; write endpoints: [{ address: host:port }] or discovery',
    ]);
    expect(told('[{ address: "a:1,b:2" }]')).to.deep.equal([
      'f.yaml:8:28 clusters[0].endpoints[0].address: "a:1,b:2" is a list, and one address is needed; write an entry for each address',
    ]);
  });
});
