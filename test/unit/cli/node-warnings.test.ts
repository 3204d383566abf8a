import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import { takeNodeWarnings, warningLine } from '../../../src/cli/node-warnings.ts';

const warning = (name: string, message = 'text'): Error => Object.assign(new Error(message), { name });

describe('cli/node-warnings', () => {
  it('are taken over from Node, and those of the start are kept until somebody hears them', () => {
    const source = new EventEmitter();
    let printed = 0;
    source.on('warning', () => printed++);
    const onWarning = takeNodeWarnings(source, ['--disable-sigusr1', '']);
    source.emit('warning', warning('ExperimentalWarning'));
    const heard: string[] = [];
    onWarning(({ name }) => heard.push(name));
    source.emit('warning', warning('DeprecationWarning'));
    expect(heard).to.deep.equal(['ExperimentalWarning', 'DeprecationWarning']);
    expect(printed).to.equal(0);
  });

  it('are bounded while nobody hears them', () => {
    const source = new EventEmitter();
    const onWarning = takeNodeWarnings(source, []);
    for (let i = 0; i < 100; i++) source.emit('warning', warning('Warning', String(i)));
    let heard = 0;
    onWarning(() => heard++);
    expect(heard).to.equal(20);
  });

  it('stay with Node where somebody asks it for their stacks', () => {
    const source = new EventEmitter();
    let printed = 0;
    source.on('warning', () => printed++);
    takeNodeWarnings(source, ['--max-old-space-size=64 --trace-warnings']);
    source.emit('warning', warning('DeprecationWarning'));
    expect(printed).to.equal(1);
  });

  it('become lines that say what to do', () => {
    expect(warningLine(warning('ExperimentalWarning')).level).to.equal('debug');
    expect(warningLine(warning('DeprecationWarning')).level).to.equal('debug');
    const insecure = warningLine(
      warning(
        'Warning',
        "Setting the NODE_TLS_REJECT_UNAUTHORIZED environment variable to '0' makes TLS insecure",
      ),
    );
    expect(insecure).to.deep.include({ level: 'warn', facts: {} });
    expect(insecure.message).to.include('certificates of servers are not verified; unset it');
    const authorities = warningLine(
      warning('Warning', 'Ignoring extra certs from `/x`, load failed: error:80000002'),
    );
    expect(authorities.message).to.include('the file of NODE_EXTRA_CA_CERTS cannot be read');
    const leak = warningLine(warning('MaxListenersExceededWarning', '11 close listeners'));
    expect(leak.message).to.match(/^internal warning: event listeners add up/);
    expect(leak.facts.text).to.equal('11 close listeners');
    expect(warningLine(warning('TimeoutOverflowWarning')).message).to.include('please report this line');
  });
});
