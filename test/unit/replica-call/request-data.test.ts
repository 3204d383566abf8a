import { expect } from 'chai';
import { parseData, requestMessagesMax } from '../../../src/replica-call/request-data.ts';

describe('replica-call/request-data', () => {
  it('takes an object, an array, or a message on each line', () => {
    expect(parseData('{"a": 1}')).to.deep.equal({ value: [{ a: 1 }] });
    expect(parseData('[{"a": 1}, {"a": 2}]')).to.deep.equal({ value: [{ a: 1 }, { a: 2 }] });
    expect(parseData('{"a": 1}\n\n{"a": 2}\n')).to.deep.equal({ value: [{ a: 1 }, { a: 2 }] });
    expect(parseData('{\n  "a": 1\n}\n')).to.deep.equal({ value: [{ a: 1 }] });
    expect(parseData(' \n')).to.deep.equal({ value: [] });
  });

  it('reports what is no JSON, with the line where there are several messages', () => {
    expect(parseData('{name: 1}').error).to.match(/^it is not JSON: /);
    expect(parseData('{\n  "a": \n}').error).to.match(/^it is not JSON: /);
    expect(parseData('{"a": 1}\n{"a": }').error).to.match(/^line 2: it is not JSON: /);
  });

  it('refuses more messages than one call may send', () => {
    const lines = '{}\n'.repeat(requestMessagesMax);
    expect(parseData(lines).value).to.have.length(requestMessagesMax);
    expect(parseData(`${lines}{}`).error).to.include(`one call may send ${requestMessagesMax}`);
  });
});
